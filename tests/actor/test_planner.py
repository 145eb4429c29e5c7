"""CEM, MPPI and CMA-ES on a world whose best plan is known."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from robot_wm.actor import planner as planner_module
from robot_wm.actor.plan import Proposals, shifted
from robot_wm.contract import TABLETOP
from robot_wm.cost.joints import JointMargin
from robot_wm.cost.keep_out import KeepOut
from robot_wm.cost.term import Cost, Rollout

OPTIMUM = (6 + 2 + 6 + 2) / 3
"""10 cm at 4 cm a step leave 6 and 2 cm in x and in y, over three axes, in units of 1 cm."""
STILL = 6 * (10 + 10) / 3
BEST = ((0.04, 0.04, 0.0), (0.04, 0.04, 0.0), (0.02, 0.02, 0.0))


class Clock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Unmeasured:
    """An arm of one joint whose position nobody has told."""

    joints = SimpleNamespace(lower=np.array([-1.0]), upper=np.array([1.0]))


class Anomaly(Cost):
    """Not a number wherever x grows."""

    def energy(self, rollout: Rollout) -> np.ndarray:
        return np.where(rollout.actions[..., 0] > 0, np.nan, 1.0)


def with_settings(problem, **values):
    problem.planner.settings = dataclasses.replace(problem.planner.settings, **values)
    return problem


def test_finds_the_known_optimum(problem) -> None:
    plan = problem.plan()
    assert plan.status == "act" and plan.iterations == 10
    assert OPTIMUM - 1e-3 <= plan.energy <= OPTIMUM + 0.08 * (STILL - OPTIMUM)
    assert plan.energy == pytest.approx(plan.energies.sum())
    np.testing.assert_allclose(plan.states[-1, :3], [0.55, 0.10, 0.15], atol=0.012)
    np.testing.assert_allclose(plan.actions[0, :2], 0.04, atol=0.01)


def test_more_search_is_never_worse_than_the_proposal(problem) -> None:
    problem.proposals = Proposals(chunks=problem.chunk(*BEST)[None])
    assert problem.plan().energy <= OPTIMUM + 1e-3
    problem.proposals = Proposals(previous=problem.chunk(*BEST))
    assert with_settings(problem, samples=12, iterations=1).plan().energy <= OPTIMUM + 1e-3


def test_energy_falls_with_iterations(problem) -> None:
    energies = [with_settings(problem, iterations=count).plan().energy for count in (1, 2, 4, 8)]
    assert energies == sorted(energies, reverse=True) and energies[-1] < energies[0]


def test_a_policy_far_off_does_not_trap_the_search(problem) -> None:
    wrong = problem.chunk(*[(-0.04, -0.04, 0.0)] * 6)
    problem.proposals = Proposals(mean=wrong, std=np.full((6, 7), 0.002))
    assert with_settings(problem, iterations=8).plan().energy < 2 * OPTIMUM


def test_actions_keep_bounds_and_fixed_dimensions_are_not_searched(problem) -> None:
    plan = problem.plan()
    assert np.all(plan.actions >= np.float32(TABLETOP.action_low))
    assert np.all(plan.actions <= np.float32(TABLETOP.action_high))
    assert np.all(plan.actions[:, 3:6] == 0.0)
    assert problem.planner.space.free == np.count_nonzero(np.subtract(TABLETOP.action_high, TABLETOP.action_low))


def test_same_seed_same_plan(problem) -> None:
    np.testing.assert_array_equal(problem.plan(3).actions, problem.plan(3).actions)
    assert not np.array_equal(problem.plan(3).actions, problem.plan(4).actions)


def test_smooth_noise_has_unit_variance_and_correlated_steps() -> None:
    noise = planner_module.smoothing(6, 2.0) @ np.random.default_rng(0).standard_normal((4000, 6, 1))
    assert noise.std() == pytest.approx(1.0, abs=0.02)
    assert np.corrcoef(noise[:, 2, 0], noise[:, 3, 0])[0, 1] == pytest.approx(np.exp(-1 / 8), abs=0.03)


def test_search_ends_before_the_deadline(problem, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, real = Clock(), problem.model.rollout
    monkeypatch.setattr(planner_module, "time", clock)

    def slow(*arguments):
        clock.now += 0.02
        return real(*arguments)

    problem.model.rollout = slow
    problem.deadline = clock.now + 0.05
    plan = problem.plan()
    assert plan.iterations == 2 and clock.now <= problem.deadline
    assert plan.status == "act" and np.isfinite(plan.energy)


def test_past_deadline_judges_only_what_was_proposed(problem) -> None:
    problem.deadline = 0.0
    problem.proposals = Proposals(previous=problem.chunk(*BEST))
    plan = problem.plan()
    assert (plan.iterations, problem.model.batches) == (1, [1])
    np.testing.assert_allclose(plan.actions, problem.chunk(*BEST), atol=1e-6)


def test_past_deadline_without_proposals_holds(problem) -> None:
    problem.deadline = 0.0
    plan = problem.plan()
    assert plan.status == "hold" and "deadline" in plan.reason and problem.model.batches == []
    assert plan.energy == float("inf") and plan.energies.size == 0
    np.testing.assert_array_equal(plan.actions, [[0, 0, 0, 0, 0, 0, 0.5]] * 6)


def test_a_goal_outside_is_approached_to_the_border(problem) -> None:
    problem.state[:3] = 0.60, 0.20, 0.05
    problem.aim(0.75, 0.35, -0.05)
    plan = problem.plan()
    assert plan.status == "act"
    assert np.all(plan.states[:, :3] <= np.add(TABLETOP.workspace_high, 1e-5))
    assert np.all(plan.states[:, :3] >= np.subtract(TABLETOP.workspace_low, 1e-5))
    np.testing.assert_allclose(plan.states[-1, :3], [0.68, 0.28, 0.02], atol=0.015)


def test_a_proposal_that_leaves_the_workspace_is_not_returned(problem) -> None:
    problem.state[:3] = 0.66, 0.0, 0.15
    problem.aim(0.9, 0.0, 0.15)
    problem.proposals = Proposals(previous=problem.chunk(*[(0.04, 0.0, 0.0)] * 6))
    assert np.max(problem.plan().states[:, 0]) <= 0.68 + 1e-5


def test_far_outside_nothing_is_feasible_and_the_reason_is_told(problem) -> None:
    problem.state[2] = -0.10
    plan = problem.plan()
    assert plan.status == "hold" and "workspace" in plan.reason and "0.120 m" in plan.reason
    assert problem.model.batches == []


def test_not_a_number_is_the_worst_energy(problem) -> None:
    problem.costs.append(Anomaly(1.0))
    plan = problem.plan()
    assert plan.status == "act" and np.all(plan.actions[:, 0] <= 0) and np.isfinite(plan.energy)


def test_nothing_but_nan_holds(problem) -> None:
    problem.model.rollout = lambda latent, state, actions: np.full((len(actions), 6, 1, 3), np.nan)
    plan = problem.plan()
    assert plan.status == "hold" and "finite" in plan.reason and plan.energy == float("inf")


def test_shifted_plan_ends_standing_still() -> None:
    actions = np.arange(21, dtype=np.float32).reshape(3, 7)
    later = shifted(actions)
    np.testing.assert_array_equal(later[:2], actions[1:])
    np.testing.assert_array_equal(later[2], [0, 0, 0, 0, 0, 0, 20])


def test_refitting_beats_random_shooting(problem) -> None:
    shooting = type(problem)("random")
    refitted, random = (np.mean([one.plan(seed).energy for seed in range(4)]) for one in (problem, shooting))
    assert OPTIMUM < random < STILL
    assert refitted < 0.8 * random


def test_the_plan_goes_around_a_keep_out_box(problem) -> None:
    box = KeepOut((0.48, -0.02, 0.0), (0.52, 0.08, 0.35))
    problem.constraints.append(box)
    plan = problem.plan()
    assert plan.status == "act"
    assert box.violation(problem.state, plan.actions[None], plan.states[None]) == 0.0


def test_where_every_plan_breaks_a_guardrail_it_holds_and_says_which(problem) -> None:
    problem.constraints.append(JointMargin(Unmeasured()))
    plan = problem.plan()
    assert plan.status == "hold" and "joint positions were not measured" in plan.reason
    assert problem.model.batches == []
