"""The slow level's planner and what it asks of the fast one, in a world whose best plan is known."""

from __future__ import annotations

import time

import numpy as np
import pytest

from robot_wm.actor.hierarchy import Hierarchy
from robot_wm.actor.level_settings import LevelSettings
from robot_wm.actor.settings import PlannerSettings
from robot_wm.actor.slow import SlowPlanner, follow, macros_of
from robot_wm.cost.abstracted import Abstracted
from robot_wm.cost.goal import GoalDistance
from robot_wm.cost.term import Rollout
from robot_wm.errors import BundleError
from robot_wm.memory.episodic import Way

REACH = 0.1
"""How far a macro-action of 1 moves."""


class Plane:
    """Slow latent (1, 2): the first two of a latent's three numbers; a macro-action moves it `REACH` times as far."""

    stride, macro, latent_std = 8, 2, 0.1

    def __init__(self) -> None:
        self.steps = 0

    def abstract(self, latents: np.ndarray) -> np.ndarray:
        return latents[:, :, :2]

    def elaborate(self, latent: np.ndarray) -> np.ndarray:
        return np.append(latent, np.zeros((1, 1)), axis=1)

    def encode_macros(self, actions: np.ndarray) -> np.ndarray:
        return actions[..., :2].sum(axis=1)

    def step(self, latents: np.ndarray, macros: np.ndarray) -> np.ndarray:
        self.steps += 1
        return latents + REACH * macros[:, None]

    def critic(self, latents: np.ndarray, goal: np.ndarray) -> np.ndarray:
        return 8 * np.linalg.norm(latents - goal, axis=(1, 2)) / REACH

    def propose(self, latents: np.ndarray, goal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((len(latents), 2)), np.full((len(latents), 2), 0.7)

    def policy(self, latent: np.ndarray, goal: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((8, 7)), np.ones((8, 7))


HERE, GOAL = np.zeros((1, 3)), np.array([[0.3, -0.2, 0.0]])
SETTINGS = LevelSettings(every=3, search=PlannerSettings(samples=128, iterations=6, prior_weight=0.0))


@pytest.fixture
def level() -> Plane:
    return Plane()


@pytest.fixture
def hierarchy(level: Plane) -> Hierarchy:
    return Hierarchy(level, GOAL, SETTINGS, PlannerSettings())


def test_the_slow_plan_goes_straight_to_the_goal(level: Plane) -> None:
    plan = SlowPlanner(level, GOAL[:, :2], SETTINGS).plan(HERE[:, :2], None, None, np.random.default_rng(0))
    assert plan is not None and plan.macros.shape == (5, 2) and plan.latents.shape == (5, 1, 2)
    np.testing.assert_allclose(plan.latents, follow(level, HERE[:, :2], plan.macros[None])[0])
    assert np.abs(plan.macros).max() <= 1.0
    distances = np.linalg.norm(plan.latents[:, 0] - GOAL[0, :2], axis=1)
    assert distances[0] < 0.28 and distances.min() < 0.06
    assert plan.energies.sum() < 8 * 5 * 3


def test_a_far_goal_has_a_subgoal_one_stride_away(hierarchy: Hierarchy) -> None:
    subgoal = hierarchy.subgoal(HERE, 30.0, None, np.random.default_rng(0))
    assert subgoal is not None and subgoal.picture.shape == (1, 3)
    np.testing.assert_array_equal(subgoal.latent, subgoal.plan.latents[0])
    assert np.linalg.norm(subgoal.latent) <= REACH * np.sqrt(2) + 1e-6
    assert hierarchy.subgoal(HERE, 9.0, None, np.random.default_rng(0)) is None


def test_it_replans_at_its_own_rate_or_when_the_subgoal_is_reached(hierarchy: Hierarchy) -> None:
    rng = np.random.default_rng(0)
    plans = [hierarchy.subgoal(HERE, 30.0, None, rng) for _ in range(4)]
    assert plans[0] is plans[1] is plans[2] and plans[3] is not plans[2]
    there = hierarchy.level.elaborate(plans[3].latent)
    assert hierarchy.subgoal(there, 30.0, None, rng) is not plans[3]


def test_without_time_the_last_subgoal_stays_and_the_miss_is_counted(hierarchy: Hierarchy) -> None:
    rng, past = np.random.default_rng(0), time.monotonic() - 1.0
    assert hierarchy.subgoal(HERE, 30.0, past, rng) is None
    subgoal = hierarchy.subgoal(HERE, 30.0, None, rng)
    for _ in range(3):
        assert hierarchy.subgoal(HERE, 30.0, past, rng) is subgoal
    assert hierarchy.misses == 2


def test_the_search_of_the_slow_level_ends_by_its_deadline(level: Plane) -> None:
    settings = LevelSettings(search=PlannerSettings(samples=64, iterations=10_000, prior_weight=0.0))
    planner = SlowPlanner(level, GOAL[:, :2], settings)
    plan = planner.plan(HERE[:, :2], None, time.monotonic() + 0.2, np.random.default_rng(0))
    assert plan is not None and 1 <= plan.iterations < 10_000


def test_the_fast_level_is_judged_by_what_the_slow_one_sees(hierarchy: Hierarchy) -> None:
    subgoal = hierarchy.subgoal(HERE, 30.0, None, np.random.default_rng(0))
    (cost,) = hierarchy.costs(subgoal)
    ends = np.stack([HERE, hierarchy.level.elaborate(subgoal.latent), hierarchy.level.elaborate(subgoal.latent)])
    ends[2, 0, 2] = 5.0  # the slow level has no eye for it
    latents = np.linspace(HERE[None], ends, 8, axis=1)
    energies = cost.energy(Rollout(np.zeros((3, 8, 7)), np.zeros((3, 8, 8)), latents))
    assert energies.shape == (3, 8)
    np.testing.assert_allclose(energies[1], energies[2])
    assert energies[1, -1] < 1e-6 < energies[0, -1]


def test_steps_between_those_seen_count_like_the_next(level: Plane) -> None:
    terms = [GoalDistance(GOAL[:, :2], 1.0)]
    latents = np.random.default_rng(0).normal(size=(3, 5, 1, 3))
    rollout = Rollout(np.zeros((3, 5, 7)), np.zeros((3, 5, 8)), latents)
    every, second = (Abstracted(level, terms, every=count).energy(rollout) for count in (1, 2))
    np.testing.assert_allclose(second, every[:, [0, 2, 2, 4, 4]])


@pytest.mark.parametrize(
    "values", [{"horizon": 0}, {"share": 1.0}, {"pace": 3}, {"every": 2.5}, {"search": {"samples": -1}}]
)
def test_bad_settings_are_refused(values: dict) -> None:
    with pytest.raises(BundleError):
        LevelSettings.from_mapping(values, "bundle.json")


def test_settings_survive_json() -> None:
    from dataclasses import asdict

    assert LevelSettings.from_mapping(asdict(SETTINGS), "bundle.json") == SETTINGS


class Recalls:
    """Remembers one way straight to the goal."""

    def __init__(self, actions: np.ndarray) -> None:
        self.actions = actions

    def ways(self, latent: np.ndarray, goal: np.ndarray, count: int) -> list[Way]:
        return [Way(np.zeros((len(self.actions) + 1, 1, 3)), self.actions, 0.0, True)][:count]


def test_macro_actions_of_a_way_stand_still_at_its_end(level: Plane) -> None:
    actions = np.ones((12, 7), np.float32)
    macros = macros_of(level, actions, 3)
    np.testing.assert_allclose(macros, [[8, 8], [4, 4], [0, 0]])
    np.testing.assert_allclose(macros_of(level, np.ones((40, 7), np.float32), 3), [[8, 8]] * 3)


def test_a_remembered_way_is_taken_where_the_search_finds_no_better(level: Plane) -> None:
    settings = LevelSettings(
        imagined_policies=0, recalled=1, search=PlannerSettings(samples=2, elites=1, iterations=1, prior_weight=0.0)
    )
    actions = np.zeros((8, 7), np.float32)
    actions[:, 0], actions[:, 1] = 1 / 8, -1 / 8
    latent, goal = np.zeros((1, 3)), np.array([[0.1, -0.1, 0.0]])
    hierarchy = Hierarchy(level, goal, settings, PlannerSettings(), Recalls(actions))
    subgoal = hierarchy.subgoal(latent, 30.0, None, np.random.default_rng(0))
    assert subgoal is not None
    np.testing.assert_allclose(subgoal.latent, goal[:, :2], atol=1e-6)
