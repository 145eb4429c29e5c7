"""From a goal to what the actor needs: cost terms with their weights, guardrails and search settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robot_wm.actor.cem import CemPlanner
from robot_wm.actor.mppi import MppiPlanner
from robot_wm.actor.planner import Planner
from robot_wm.actor.settings import PlannerSettings
from robot_wm.contract import Contract
from robot_wm.cost.critic import CriticModel, StepsToGo
from robot_wm.cost.goal import GoalDistance
from robot_wm.cost.guardrail import Workspace
from robot_wm.cost.term import Constraint, Cost

PLANNERS = {"cem": CemPlanner, "mppi": MppiPlanner}


class LatentScale(Protocol):
    """What is known of a latent space: the standard deviation of its latents."""

    @property
    def latent_std(self) -> float: ...


class ScoredModel(CriticModel, LatentScale, Protocol):
    """A model with a critic and a known scale of its latents."""


@dataclass(frozen=True)
class Configuration:
    """Everything that depends on the goal and the situation."""

    planner: Planner
    costs: tuple[Cost, ...]
    constraints: tuple[Constraint, ...]


def configure(model: ScoredModel, contract: Contract, goal: np.ndarray, settings: PlannerSettings) -> Configuration:
    """The configuration for a goal image, given as its latent (N, D); terms of zero weight are left out."""
    terms: tuple[Cost, ...] = (
        GoalDistance(goal, model.latent_std, weight=settings.goal_weight, terminal_weight=settings.goal_terminal),
        StepsToGo(
            model,
            goal,
            every=settings.critic_every,
            weight=settings.critic_weight,
            terminal_weight=settings.critic_terminal,
        ),
    )
    costs = tuple(term for term in terms if term.weight or term.terminal_weight)
    return Configuration(PLANNERS[settings.method](settings, contract), costs, (Workspace(contract),))
