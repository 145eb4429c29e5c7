"""One decision explained: the shares add up to what the planner minimised, and the picture is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pybullet")
pytest.importorskip("matplotlib")

from robot_wm.cost.goal import GoalDistance
from robot_wm.cost.prior import PolicyPrior
from robot_wm.cost.term import Rollout, Weighted, weighted_energies
from robot_wm.errors import RobotWmError
from robot_wm.evaluation import episode_seed
from robot_wm.explain import PlanConfig, Watched, explain, run


def test_watching_changes_no_energy() -> None:
    rng = np.random.default_rng(0)
    futures = Rollout(rng.normal(size=(4, 3, 7)), np.zeros((4, 3, 8)), rng.normal(size=(4, 3, 2, 2)))
    goal = GoalDistance(np.zeros((2, 2)), 0.7, weight=0.3, terminal_weight=2.0)
    terms = [goal, Weighted([goal, goal], 0.5), PolicyPrior(np.zeros((3, 7)), np.ones((3, 7)), weight=6.0)]
    watched = Watched(terms)
    np.testing.assert_allclose(weighted_energies([watched], futures), weighted_energies(terms, futures))
    assert set(watched.shares[0]) == {"distance to the goal", "unlike the policy"}
    total = np.sum(list(watched.shares[0].values()), axis=0)
    np.testing.assert_allclose(total, weighted_energies(terms, futures).sum(axis=1))


@pytest.mark.parametrize("mode", ["flat", "hierarchical"])
def test_the_chosen_candidate_is_the_decision(tiny_bundle: Path, tmp_path: Path, mode: str) -> None:
    config = PlanConfig(task="reach", agent=mode, bundle=tiny_bundle, decision=1, explain=True, out=tmp_path / "p.png")
    explanation = explain(config)
    assert explanation.totals.min() == pytest.approx(explanation.decision.energy, rel=1e-5)
    best = int(np.argmin(explanation.totals))
    np.testing.assert_allclose(explanation.states[best], explanation.decision.poses, atol=1e-6)
    assert sum(explanation.chosen_shares.values()) == pytest.approx(explanation.decision.energy, rel=1e-5)
    assert run(config) == 0 and config.out.stat().st_size > 20_000


def test_bad_configurations_are_refused(tiny_bundle: Path) -> None:
    with pytest.raises(RobotWmError, match="flat or hierarchical"):
        PlanConfig(agent="policy", bundle=tiny_bundle)
    with pytest.raises(RobotWmError, match="the episode ended"):
        explain(PlanConfig(task="reach", agent="flat", bundle=tiny_bundle, decision=500, seed=episode_seed(0, 0)))
