"""From a goal to what the actor needs: cost terms with their weights, guardrails and search settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from robot_wm.actor.cem import CemPlanner
from robot_wm.actor.cma import CmaPlanner
from robot_wm.actor.hierarchy import Hierarchy, Memory, Subgoal
from robot_wm.actor.level_settings import LevelSettings
from robot_wm.actor.mppi import MppiPlanner
from robot_wm.actor.plan import Proposals
from robot_wm.actor.planner import Planner, SamplingPlanner
from robot_wm.actor.settings import PlannerSettings
from robot_wm.actor.shooting import ShootingPlanner
from robot_wm.actor.slow import SlowModel
from robot_wm.contract import Contract
from robot_wm.cost.critic import CriticModel, StepsToGo
from robot_wm.cost.goal import GoalDistance
from robot_wm.cost.guardrail import Workspace
from robot_wm.cost.preference import Preference, PreferenceModel
from robot_wm.cost.prior import PolicyPrior
from robot_wm.cost.term import Constraint, Cost, Weighted
from robot_wm.cost.uncertainty import Doubt, Uncertainty

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
    """Everything that depends on the goal and the situation.

    Attributes:
        costs: Terms of the fast level that aim at the goal itself.
        prior_weight: Of the distance from the reactive policy's chunk.
        hierarchy: What gives the fast level its sub-goals; None where it always aims at the goal.
        goal_share: Weight of `costs` beside the sub-goal's terms.
        always: Terms of the fast level that count whatever it aims at.
    """

    planner: Planner
    costs: tuple[Cost, ...]
    constraints: tuple[Constraint, ...]
    prior_weight: float = 0.0
    hierarchy: Hierarchy | None = None
    goal_share: float = 0.0
    always: tuple[Cost, ...] = ()

    def costs_beside(self, proposals: Proposals, subgoal: Subgoal | None = None) -> tuple[Cost, ...]:
        """The terms that count now: towards the sub-goal if there is one, near the policy's proposal if that counts."""
        costs = self.costs
        if subgoal is not None and self.hierarchy is not None:
            beside = (Weighted(self.costs, weight=self.goal_share),) if self.goal_share else ()
            costs = (*self.hierarchy.costs(subgoal), *beside)
        costs = (*costs, *self.always)
        if not self.prior_weight or proposals.mean is None or proposals.std is None:
            return costs
        return (*costs, PolicyPrior(proposals.mean, proposals.std, weight=self.prior_weight))


def configure(
    model: ScoredModel,
    contract: Contract,
    goal: np.ndarray,
    settings: PlannerSettings,
    guardrails: Sequence[Constraint] = (),
    *,
    doubt: Doubt | None = None,
    slow: SlowModel | None = None,
    levels: LevelSettings | None = None,
    memory: Memory | None = None,
    preference: PreferenceModel | None = None,
) -> Configuration:
    """The configuration for a goal image, given as its latent (N, D); terms of zero weight are left out.

    Args:
        guardrails: Constraints beside the workspace.
        doubt: What tells how unsure the model is, where there is such a thing.
        slow: The slow level, where its sub-goals are wanted.
        levels: Its settings.
        memory: What the slow level recalls ways from.
        preference: What people like, where it shall count.
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
    liked = () if preference is None else (Preference(preference, weight=settings.preference_weight),)
    caution: tuple[Cost, ...] = ()
    if doubt is not None and settings.uncertainty_weight:
        caution = (Uncertainty(doubt, every=settings.uncertainty_every, weight=settings.uncertainty_weight),)
    constraints = (*guardrails, Workspace.of(contract))
    configuration = Configuration(planner, costs, constraints, settings.prior_weight, always=(*caution, *liked))
    if slow is None:
        return configuration
    levels = levels or LevelSettings()
    return replace(
        configuration, hierarchy=Hierarchy(slow, goal, levels, settings, memory), goal_share=levels.goal_share
    )
