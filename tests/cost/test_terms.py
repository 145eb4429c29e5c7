"""Energies and guardrails."""

from __future__ import annotations

import numpy as np
import pytest

from robot_wm.actions import integrate
from robot_wm.contract import TABLETOP
from robot_wm.cost.critic import StepsToGo
from robot_wm.cost.goal import GoalDistance
from robot_wm.cost.guardrail import Workspace
from robot_wm.cost.prior import PolicyPrior
from robot_wm.cost.term import Cost, Rollout, weighted_energies


def rollout(candidates: int = 5, horizon: int = 3) -> Rollout:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(candidates, horizon, 4, 2)).astype(np.float32)
    return Rollout(np.zeros((candidates, horizon, 7)), np.zeros((candidates, horizon, 8)), latents)


class Fixed(Cost):
    def __init__(self, value: np.ndarray, weight: float, terminal_weight: float) -> None:
        super().__init__(weight, terminal_weight)
        self.value = value

    def energy(self, rollout: Rollout) -> np.ndarray:
        return self.value


def test_goal_distance_is_the_mean_absolute_difference_in_stds() -> None:
    futures = rollout()
    goal = np.zeros((4, 2), np.float32)
    energy = GoalDistance(goal, latent_std=2.0).energy(futures)
    np.testing.assert_allclose(energy, np.abs(futures.latents).mean(axis=(2, 3)) / 2.0, rtol=1e-6)
    assert GoalDistance(futures.latents[1, 2], latent_std=2.0).energy(futures)[1, 2] == 0.0


class FirstNumber:
    """A critic that reads one number of a latent, and counts the latents it is shown."""

    def __init__(self) -> None:
        self.shown = 0

    def critic(self, latents: np.ndarray, goal: np.ndarray) -> np.ndarray:
        self.shown += len(latents)
        return latents[:, 0, 0] - goal[0, 0]


@pytest.mark.parametrize(
    ("every", "sees"), [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 2, 4, 4]), (3, [1, 1, 4, 4, 4]), (9, [4] * 5)]
)
def test_critic_sees_the_last_step_and_every_so_many_before(every: int, sees: list[int]) -> None:
    futures, model = rollout(horizon=5), FirstNumber()
    energy = StepsToGo(model, np.ones((4, 2), np.float32), every=every).energy(futures)
    np.testing.assert_array_equal(energy, futures.latents[:, sees, 0, 0] - 1)
    assert model.shown == 5 * len(set(sees))


def test_the_prior_counts_squared_standard_deviations() -> None:
    imagined = rollout()
    mean, std = imagined.actions[0], np.full_like(imagined.actions[0], 0.5)
    energy = PolicyPrior(mean, std).energy(imagined)
    np.testing.assert_allclose(energy[0], 0.0)
    np.testing.assert_allclose(energy[1], 4.0 * np.square(imagined.actions[1] - mean).sum(axis=1), rtol=1e-5)


def test_weights_sum_and_the_last_step_counts_more() -> None:
    ones = np.ones((5, 3))
    total = weighted_energies([Fixed(ones, 2.0, 10.0), Fixed(ones, 0.5, 0.0)], rollout())
    np.testing.assert_array_equal(total, [[2.5, 2.5, 12.5]] * 5)


def test_an_energy_that_is_not_a_number_is_infinite() -> None:
    energy = np.ones((5, 3))
    energy[1, 1], energy[2, 0], energy[3, 2] = np.nan, -np.inf, np.inf
    total = weighted_energies([Fixed(energy, 1.0, 0.0)], rollout()).sum(axis=1)
    np.testing.assert_array_equal(total, [3, np.inf, np.inf, np.inf, 3])


def moves(*displacements: tuple[float, float, float]) -> np.ndarray:
    actions = np.zeros((1, len(displacements), 7), dtype=np.float32)
    actions[0, :, :3] = displacements
    return actions


def violation(state: np.ndarray, actions: np.ndarray) -> float:
    return float(Workspace.of(TABLETOP).violation(state, actions, integrate(state, actions))[0])


def test_workspace_counts_the_worst_step(state: np.ndarray) -> None:
    assert violation(state, moves((0.04, 0, 0), (0.04, 0, 0))) == 0.0
    down = moves((0, 0, -0.2), (0, 0, 0.1))
    assert violation(state, down) == pytest.approx(0.07, abs=1e-6)


def test_from_slightly_outside_only_inwards(state: np.ndarray) -> None:
    state[2] = -0.005
    assert violation(state, moves((0.04, 0, 0.0))) > 0.0
    assert violation(state, moves((0, 0, -0.005))) > 0.0
    assert violation(state, moves((0, 0, 0.01), (0.04, 0, 0.01), (0.04, 0, 0.005))) == 0.0
    assert violation(state, moves((0, 0, 0.01), (0.04, 0, 0.0))) > 0.0
    assert violation(state, moves((0, 0, 0.04))) == 0.0


def test_an_arm_that_overshoots_with_every_plan_stays_near(state: np.ndarray) -> None:
    guard, out = Workspace.of(TABLETOP), moves(*[(0.0, 0.0, 0.04)] * 8)
    for _ in range(60):
        state[2] = integrate(state, guard.repair(state, out))[0, 0, 2] + 0.005
    assert state[2] < TABLETOP.workspace_high[2] + 0.01


def test_a_state_that_is_not_finite_is_never_feasible(state: np.ndarray) -> None:
    actions = moves((0.0, 0.0, np.nan))
    assert violation(state, actions) == np.inf


def test_repair_keeps_candidates_inside_and_leaves_good_ones_alone(state: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    actions = rng.uniform(-0.04, 0.04, (200, 20, 7)).astype(np.float32)
    actions[..., 3:6] = 0.0
    state[2] = 0.03
    guard = Workspace.of(TABLETOP)
    repaired = guard.repair(state, actions)
    assert np.all(guard.violation(state, repaired, integrate(state, repaired)) == 0.0)
    assert np.all(np.abs(repaired[..., :3]) <= 0.04 + 1e-6)
    good = guard.violation(state, actions, integrate(state, actions)) == 0.0
    np.testing.assert_allclose(repaired[good], actions[good], atol=1e-6)
    assert not good.all()
