"""The hierarchical planner: the slow level's next latent is the fast level's sub-goal, each replanned at its rate."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from robot_wm.actor.level_settings import LevelSettings
from robot_wm.actor.settings import PlannerSettings
from robot_wm.actor.slow import SlowModel, SlowPlan, SlowPlanner
from robot_wm.cost.abstracted import Abstracted
from robot_wm.cost.critic import StepsToGo
from robot_wm.cost.goal import GoalDistance
from robot_wm.cost.term import Cost

if TYPE_CHECKING:
    from robot_wm.memory.episodic import Way


@dataclass(frozen=True)
class Subgoal:
    """Where the fast level shall be about one stride from now.

    Attributes:
        level: The slow level.
        latent: (1, Y) slow latent.
        picture: (N, D) a latent of the fast level that shows about the same scene.
        plan: The slow plan that it begins.
    """

    level: SlowModel
    latent: np.ndarray
    picture: np.ndarray
    plan: SlowPlan


class Memory(Protocol):
    """What remembers how goals were reached."""

    def ways(self, latent: np.ndarray, goal: np.ndarray, count: int) -> list[Way]:
        """The `count` ways that led most nearly from a latent (N, D) to a goal (N, D)."""


class Hierarchy:
    """Keeps a slow plan towards one goal and says which sub-goal the fast level pursues now.

    Args:
        goal: (N, D) the goal's latent.
        fast: Settings of the fast level, whose weights the sub-goal's terms take over.
        memory: Where ways are recalled from, if the settings ask for any.

    Attributes:
        misses: Times that the deadline left none for a slow plan that was due.
    """

    def __init__(
        self,
        level: SlowModel,
        goal: np.ndarray,
        settings: LevelSettings,
        fast: PlannerSettings,
        memory: Memory | None = None,
    ) -> None:
        self.level, self.settings, self.fast = level, settings, fast
        self._goal, self._memory = goal, memory
        self._planner = SlowPlanner(level, level.abstract(goal[None])[0], settings)
        self.misses = 0
        self.reset()

    def reset(self) -> None:
        """Forgets the slow plan."""
        self._subgoal: Subgoal | None = None
        self._age = 0

    def subgoal(
        self, latent: np.ndarray, steps_to_go: float, deadline: float | None, rng: np.random.Generator
    ) -> Subgoal | None:
        """The sub-goal of the fast level at `latent` (N, D); None where it should aim at the goal itself.

        Args:
            steps_to_go: The fast level's critic of the goal.
            deadline: Of the whole decision, on the clock of `time.monotonic`; the slow level takes its share of what
                is left. When that is not enough for any plan, the last sub-goal stays.
        """
        if steps_to_go < self.settings.near_steps:
            self.reset()
            return None
        here = self.level.abstract(latent[None])[0]
        if self._is_due(here):
            self._replan(latent, here, deadline, rng)
        self._age += 1
        return self._subgoal

    def _is_due(self, here: np.ndarray) -> bool:
        if self._subgoal is None or self._age >= self.settings.every:
            return True
        return float(self.level.critic(here[None], self._subgoal.latent)[0]) < self.settings.reached_steps

    def _replan(self, latent: np.ndarray, here: np.ndarray, deadline: float | None, rng: np.random.Generator) -> None:
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            self.misses += 1
            return
        share = None if deadline is None else now + self.settings.share * (deadline - now)
        last = None if self._subgoal is None else self._subgoal.plan
        plan = self._planner.plan(here, last, share, rng, self._recall(latent))
        if plan is None:
            self.misses += 1
            return
        self._subgoal = Subgoal(self.level, plan.latents[0], self.level.elaborate(plan.latents[0]), plan)
        self._age = 0

    def _recall(self, latent: np.ndarray) -> list[np.ndarray]:
        """Actions of remembered ways from here to the goal."""
        if self._memory is None or not self.settings.recalled:
            return []
        return [way.actions for way in self._memory.ways(latent, self._goal, self.settings.recalled)]

    def costs(self, subgoal: Subgoal) -> tuple[Cost, ...]:
        """The fast level's energy of a sub-goal: steps to it and distance from it, as the slow level sees them."""
        terms = (
            GoalDistance(subgoal.latent, self.level.latent_std, weight=self.settings.subgoal_weight),
            StepsToGo(self.level, subgoal.latent, weight=self.fast.critic_weight),
        )
        return (Abstracted(self.level, terms, every=self.settings.subgoal_every),)
