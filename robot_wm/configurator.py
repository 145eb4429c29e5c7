"""From a goal to what the actor needs: cost terms with their weights, guardrails and search settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robot_wm.actor.cem import CemPlanner
from robot_wm.actor.cma import CmaPlanner
from robot_wm.actor.mppi import MppiPlanner
from robot_wm.actor.plan import Proposals
from robot_wm.actor.planner import Planner, SamplingPlanner
from robot_wm.actor.settings import PlannerSettings
from robot_wm.actor.shooting import ShootingPlanner
from robot_wm.contract import Contract
from robot_wm.cost.critic import CriticModel, StepsToGo
from robot_wm.cost.goal import GoalDistance
from robot_wm.cost.guardrail import Workspace
from robot_wm.cost.prior import PolicyPrior
from robot_wm.cost.term import Constraint, Cost

PLANNERS: Mapping[str, Callable[[PlannerSettings, Contract], SamplingPlanner]] = {
    "cem": CemPlanner,
    "mppi": MppiPlanner,
    "cma": CmaPlanner,
    "random": ShootingPlanner,
}


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
    prior_weight: float = 0.0

    def costs_beside(self, proposals: Proposals) -> tuple[Cost, ...]:
        """The terms, and the distance from the policy's proposal if that has a weight."""
        if not self.prior_weight or proposals.mean is None or proposals.std is None:
            return self.costs
        return (*self.costs, PolicyPrior(proposals.mean, proposals.std, weight=self.prior_weight))


def configure(
    model: ScoredModel,
    contract: Contract,
    goal: np.ndarray,
    settings: PlannerSettings,
    guardrails: Sequence[Constraint] = (),
) -> Configuration:
    """The configuration for a goal image, given as its latent (N, D); terms of zero weight are left out.

    The workspace is always a guardrail; `guardrails` come on top of it.
    """
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
    planner = PLANNERS[settings.method](settings, contract)
    return Configuration(planner, costs, (Workspace(contract), *guardrails), settings.prior_weight)
