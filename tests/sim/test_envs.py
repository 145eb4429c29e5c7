"""The Gymnasium environments: conformance, determinism, success and limits."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import sim
from robot_wm.contract import TABLETOP
from robot_wm.errors import ObservationError

NAMES = [sim.environment_id(task) for task in sim.TASKS]


def _episode(name: str, seed: int, randomize: bool) -> list[np.ndarray]:
    env = gymnasium.make(name, randomize=randomize)
    observation, _ = env.reset(seed=seed)
    env.action_space.seed(seed)
    arrays = list(observation.values())
    for _ in range(6):
        observation, reward, *_ = env.step(env.action_space.sample())
        arrays += [*observation.values(), np.array(reward)]
    env.close()
    return arrays


@pytest.mark.parametrize("name", NAMES)
def test_conforms_to_gymnasium_without_warnings(name: str) -> None:
    env = gymnasium.make(name, render_mode="rgb_array")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    env.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("randomize", [False, True])
def test_same_seed_gives_the_same_bits(name: str, randomize: bool) -> None:
    first, second = _episode(name, 7, randomize), _episode(name, 7, randomize)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_reset_forgets_what_came_before() -> None:
    env = gymnasium.make(NAMES[1])
    fresh, _ = env.reset(seed=3)
    for _ in range(5):
        env.step(env.action_space.sample())
    again, _ = env.reset(seed=3)
    env.close()
    assert all(np.array_equal(fresh[key], again[key]) for key in fresh)


def test_randomisation_changes_the_picture_and_its_goal_alike() -> None:
    plain, shifted = (gymnasium.make(NAMES[0], randomize=r).reset(seed=1)[0] for r in (False, True))
    assert np.abs(plain["image"].astype(int) - shifted["image"]).mean() > 5
    corner = np.s_[80:, :10]
    assert np.abs(shifted["image"][corner].astype(int) - shifted["goal"][corner]).mean() < 2


def test_workspace_limits_the_command_and_says_so() -> None:
    env = gymnasium.make(NAMES[0])
    env.reset(seed=0)
    down = np.array([0, 0, -0.04, 0, 0, 0, 0], dtype=np.float32)
    infos = [env.step(down)[4] for _ in range(10)]
    env.close()
    assert infos[-1]["limited"] and not infos[0]["limited"]
    assert infos[-1]["ee"][2] > TABLETOP.workspace_low[2] - 0.005


def test_an_action_outside_the_space_is_refused() -> None:
    env = gymnasium.make(NAMES[0], disable_env_checker=True)
    env.reset(seed=0)
    with pytest.raises(ObservationError, match="action"):
        env.step(np.full(7, 0.5, dtype=np.float32))
    env.close()
