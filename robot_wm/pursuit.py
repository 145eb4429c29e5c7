"""One goal pursued: sub-goals, plans, falling back for want of time, backing off, and what to make of it all."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from robot_wm.actor.fallback import without_planning
from robot_wm.actor.hierarchy import Subgoal
from robot_wm.actor.imagine import imagine
from robot_wm.actor.plan import Plan, Proposals, best_plan, shifted, slowed
from robot_wm.actor.policy import propose, random_chunk
from robot_wm.actor.recovery import Recovery
from robot_wm.actor.settings import PlannerSettings
from robot_wm.actor.space import ActionSpace
from robot_wm.configurator import Configuration
from robot_wm.cost.uncertainty import Doubt
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.situation import Situation, Verdict

SURPRISED = "slower: the world did not move as predicted"
Mode = Literal["flat", "hierarchical", "policy", "random"]


@dataclass(frozen=True)
class Move:
    """A plan and what was thought on the way to it; the attributes are those of `Decision`."""

    plan: Plan
    situation: Verdict
    steps_to_go: float
    surprise: float | None
    uncertainty: float | None
    subgoal: np.ndarray | None


class Pursuit:
    """Plans towards one goal, decision after decision.

    Args:
        goal: (N, D) its latent.
        configuration: What `configure` made of it.
        surprise_bound: See `Situation`.
        doubt: What tells how unsure the model is; None where nothing does.
        misses: Counts what was done for want of time, by name.

    Attributes:
        slows: Whether a surprise above the bound halves the speed of the next chunk; set it where somebody is asked
            when surprises last.
    """

    slows = False

    def __init__(
        self,
        model: OnnxWorldModel,
        space: ActionSpace,
        goal: np.ndarray,
        configuration: Configuration,
        mode: Mode,
        settings: PlannerSettings,
        surprise_bound: float | None,
        doubt: Doubt | None,
        misses: Counter[str],
    ) -> None:
        self.goal, self.mode, self.misses = goal, mode, misses
        self._model, self._space, self._configuration = model, space, configuration
        self._doubt, self._begin = doubt, settings.begin
        self._recovery = Recovery(settings)
        self._situation = Situation(settings.reached_steps, surprise_bound, None if doubt is None else doubt.bound)
        self._watches, self._bound = surprise_bound is not None, surprise_bound
        self.reset()

    def reset(self) -> None:
        """Forgets the last plan, the sub-goal and all attempts; the goal stays."""
        self._last: Plan | None = None
        self._expected: np.ndarray | None = None
        self._spread: float | None = None
        self._reused, self._backing_off = 0, False
        self._recovery.reset()
        self._situation.reset()
        if self._configuration.hierarchy is not None:
            self._configuration.hierarchy.reset()

    def move(
        self, latent: np.ndarray, state: np.ndarray, opening: float, deadline: float | None, rng: np.random.Generator
    ) -> Move:
        """The plan from a latent (N, D) and a state (8,), by `deadline` on the clock of `time.monotonic`.

        Args:
            opening: Of the gripper, as it was last commanded.
        """
        steps_to_go = float(self._model.critic(latent[None], self.goal)[0])
        surprise = self._surprise(latent)
        situation = self._situation.notice(steps_to_go, surprise, self._spread)
        retreat = self._recovery.chunk(self._model.horizon, opening)
        plan, subgoal = self._plan(latent, state, retreat, steps_to_go, deadline, rng)
        if self.slows and self._bound is not None and surprise is not None and surprise > self._bound:
            plan = slowed(plan, state, SURPRISED) if plan.status == "act" else plan
        self._last = plan if plan.status == "act" else None
        self._expect(latent, state)
        uncertainty = None if self._spread is None or self._doubt is None else self._spread / self._doubt.bound
        return Move(plan, situation, steps_to_go, surprise, uncertainty, None if subgoal is None else subgoal.picture)

    def _plan(
        self,
        latent: np.ndarray,
        state: np.ndarray,
        retreat: np.ndarray | None,
        steps_to_go: float,
        deadline: float | None,
        rng: np.random.Generator,
    ) -> tuple[Plan, Subgoal | None]:
        if self.mode == "random":
            return self._single(latent, state, random_chunk(self._space, self._model.horizon, rng)), None
        if retreat is not None and not self._backing_off:
            self._situation.retreated()
        self._backing_off = retreat is not None
        if retreat is not None:
            plan = self._single(latent, state, self._space.clip(retreat))
            return replace(plan, reason=plan.reason or "backing off: no progress towards the goal"), None
        plan, subgoal = self._towards(latent, state, steps_to_go, deadline, rng)
        if plan.status == "act":  # a hold asks for help with its reason; backing off would move blindly instead
            self._recovery.notice(plan.actions[0], steps_to_go, rng)
        return plan, subgoal

    def _towards(
        self,
        latent: np.ndarray,
        state: np.ndarray,
        steps_to_go: float,
        deadline: float | None,
        rng: np.random.Generator,
    ) -> tuple[Plan, Subgoal | None]:
        if self.mode == "policy":
            return self._policy(latent, state), None
        subgoal = self._subgoal(latent, steps_to_go, deadline, rng)
        if deadline is not None and time.monotonic() >= deadline:
            return self._without_planning(latent, state), subgoal
        self._reused = 0
        active, previous = self._configuration, None if self._last is None else shifted(self._last.actions)
        policy, goal = (self._model, self.goal) if subgoal is None else (subgoal.level, subgoal.latent)
        proposals = Proposals(previous=previous)
        if self._begin == "policy":
            horizon = self._model.horizon
            proposals = propose(policy, self._space, latent, goal, state, horizon=horizon, previous=previous)
        costs = active.costs_beside(proposals, subgoal)
        plan = active.planner.plan(self._model, costs, active.constraints, latent, state, proposals, deadline, rng)
        return plan, subgoal

    def _subgoal(
        self, latent: np.ndarray, steps_to_go: float, deadline: float | None, rng: np.random.Generator
    ) -> Subgoal | None:
        hierarchy = self._configuration.hierarchy
        if hierarchy is None:
            return None
        before = hierarchy.misses
        subgoal = hierarchy.subgoal(latent, steps_to_go, deadline, rng)
        self.misses["slow"] += hierarchy.misses - before
        return subgoal

    def _without_planning(self, latent: np.ndarray, state: np.ndarray) -> Plan:
        self._reused += 1
        last = self._last if self._reused < self._model.horizon else None
        constraints = self._configuration.constraints
        plan = without_planning(last, lambda: self._policy(latent, state), constraints, self._space, state)
        self.misses[plan.fallback] += 1
        return plan

    def _policy(self, latent: np.ndarray, state: np.ndarray) -> Plan:
        proposals = propose(self._model, self._space, latent, self.goal, state, horizon=self._model.horizon)
        assert proposals.mean is not None
        return self._single(latent, state, proposals.mean)

    def _single(self, latent: np.ndarray, state: np.ndarray, chunk: np.ndarray) -> Plan:
        active = self._configuration
        judged = imagine(self._model, active.costs, active.constraints, self._space, latent, state, chunk[None])
        return best_plan(judged, state, self._model.horizon, iterations=0, candidates=len(judged))

    def _expect(self, latent: np.ndarray, state: np.ndarray) -> None:
        """Remembers what the first action of the plan should lead to, and how sure that is."""
        self._spread = None
        if self._doubt is not None and self._last is not None:
            self._spread = float(self._doubt.disagreement(latent[None], state[None], self._last.actions[:1])[0])
        if self._watches and self._last is not None:
            self._expected = self._model.rollout(latent, state, self._last.actions[None])[0, 0]
        else:
            self._expected = None

    def _surprise(self, latent: np.ndarray) -> float | None:
        if self._expected is None:
            return None
        return float(np.abs(latent - self._expected).mean() / self._model.latent_std)
