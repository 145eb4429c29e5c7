"""A world whose best plan is known: the latent is the end effector's position and actions move it exactly."""

from __future__ import annotations

import numpy as np
import pytest

from robot_wm.actor.plan import Proposals
from robot_wm.actor.planner import SamplingPlanner
from robot_wm.actor.settings import PlannerSettings
from robot_wm.configurator import PLANNERS
from robot_wm.contract import TABLETOP
from robot_wm.cost.goal import GoalDistance
from robot_wm.cost.guardrail import Workspace
from robot_wm.cost.term import Constraint, Cost


class PointMass:
    """Latent (1, 3) = position in metres.

    Attributes:
        horizon: Steps of a roll-out.
        batches: Number of candidates in each call so far.
    """

    def __init__(self, horizon: int = 6) -> None:
        self.horizon = horizon
        self.batches: list[int] = []

    def rollout(self, latent: np.ndarray, state: np.ndarray, actions: np.ndarray) -> np.ndarray:
        self.batches.append(len(actions))
        return (latent[0] + np.cumsum(actions[..., :3], axis=1))[:, :, None]


class Problem:
    """Everything that `plan` takes, with a goal 10 cm away in x and y."""

    def __init__(self, method: str, **settings: object) -> None:
        values = {"method": method, "samples": 96, "iterations": 10, "elites": 12, "std_floor": 0.02} | settings
        self.planner: SamplingPlanner = PLANNERS[method](PlannerSettings(**values), TABLETOP)
        self.model = PointMass()
        self.state = np.array([0.45, 0.0, 0.15, 1.0, 0.0, 0.0, 0.0, 0.5], dtype=np.float32)
        self.constraints: list[Constraint] = [Workspace.of(TABLETOP)]
        self.proposals = Proposals()
        self.deadline: float | None = None
        self.aim(0.55, 0.10, 0.15)

    def aim(self, *goal: float) -> None:
        self.costs: list[Cost] = [GoalDistance(np.array([goal]), latent_std=0.01)]

    def plan(self, seed: int = 0):
        latent, rng = self.state[None, :3], np.random.default_rng(seed)
        return self.planner.plan(
            self.model, self.costs, self.constraints, latent, self.state, self.proposals, self.deadline, rng
        )

    def chunk(self, *displacements: tuple[float, float, float]) -> np.ndarray:
        """Actions (6, 7) that make the given displacements, then stand still."""
        actions = np.zeros((self.model.horizon, 7), dtype=np.float32)
        actions[: len(displacements), :3] = displacements
        return actions


@pytest.fixture(params=["cem", "mppi", "cma"])
def problem(request: pytest.FixtureRequest) -> Problem:
    return Problem(request.param)
