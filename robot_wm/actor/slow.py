"""Planning on the slow level: a sequence of macro-actions towards a far goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from robot_wm.actor.cem import CemPlanner
from robot_wm.actor.imagine import Candidates
from robot_wm.actor.level_settings import LevelSettings
from robot_wm.actor.plan import Proposals
from robot_wm.actor.space import MacroSpace
from robot_wm.cost.critic import StepsToGo
from robot_wm.cost.goal import GoalDistance
from robot_wm.cost.prior import PolicyPrior
from robot_wm.cost.term import Cost, Rollout, weighted_energies


class SlowModel(Protocol):
    """A slow level as numpy functions; its latents are (1, Y), its macro-actions (M,)."""

    @property
    def stride(self) -> int:
        """Steps of the fast level in one of this level."""

    @property
    def macro(self) -> int:
        """M."""

    @property
    def latent_std(self) -> float:
        """Standard deviation of slow latents over the training frames."""

    def abstract(self, latents: np.ndarray) -> np.ndarray:
        """Latents (M, N, D) to slow latents (M, 1, Y)."""

    def elaborate(self, latent: np.ndarray) -> np.ndarray:
        """A slow latent (1, Y) to a latent (N, D) that shows about the same scene."""

    def encode_macros(self, actions: np.ndarray) -> np.ndarray:
        """Macro-actions (C, M) that stand for the actions (C, stride, 7) of a stride."""

    def step(self, latents: np.ndarray, macros: np.ndarray) -> np.ndarray:
        """Slow latents (C, 1, Y) one stride later, by macro-actions (C, M)."""

    def critic(self, latents: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Expected steps (M,) from slow latents (M, 1, Y) to the slow goal (1, Y)."""

    def propose(self, latents: np.ndarray, goal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread (C, M) of macro-actions from slow latents (C, 1, Y) to the slow goal (1, Y)."""

    def policy(self, latent: np.ndarray, goal: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread (H, 7) of the fast level's chunk from its latent (N, D) to a slow goal (1, Y)."""


@dataclass(frozen=True)
class SlowPlan:
    """A way to the goal in strides.

    Attributes:
        macros: (K, M) macro-actions.
        latents: (K, 1, Y) predicted after each; the first is the next sub-goal.
        energies: (K,) of each.
        iterations: Iterations of the search.
    """

    macros: np.ndarray
    latents: np.ndarray
    energies: np.ndarray
    iterations: int


class SlowPlanner:
    """Searches macro-actions with the cross-entropy method, from what the level's own policy would do.

    Args:
        goal: (1, Y) the goal's slow latent.
    """

    def __init__(self, level: SlowModel, goal: np.ndarray, settings: LevelSettings) -> None:
        self.level, self.goal, self.settings = level, goal, settings
        self._planner = CemPlanner(settings.search, MacroSpace(level.macro))

    def plan(
        self,
        latent: np.ndarray,
        previous: SlowPlan | None,
        deadline: float | None,
        rng: np.random.Generator,
        recalled: Sequence[np.ndarray] = (),
    ) -> SlowPlan | None:
        """The best macro-actions from `latent` (1, Y) found by `deadline` (see `Planner.plan`); None without any.

        Args:
            previous: The last plan, tried again as it was.
            recalled: Actions (T, 7) of ways that once led from a place like this to a goal like this one.
        """
        proposals = self._propose(latent, previous, rng)
        if recalled:
            macros = np.stack([macros_of(self.level, actions, self.settings.horizon) for actions in recalled])
            assert proposals.chunks is not None
            proposals = replace(proposals, chunks=np.concatenate([macros, proposals.chunks]))
        costs = self._costs(proposals)

        def judge(macros: np.ndarray) -> Candidates:
            latents = follow(self.level, latent, macros)
            energies = weighted_energies(costs, Rollout(macros, np.empty((*macros.shape[:2], 0)), latents))
            return Candidates(macros, latents, energies, energies.sum(axis=1))

        found = self._planner.search(judge, self.settings.horizon, proposals, deadline, rng)
        if found is None or not np.isfinite(found.pool.totals).any():
            return None
        best = int(np.argmin(found.pool.totals))
        pool = found.pool
        return SlowPlan(pool.actions[best], pool.states[best], pool.energies[best], found.iterations)

    def _propose(self, latent: np.ndarray, previous: SlowPlan | None, rng: np.random.Generator) -> Proposals:
        """The level's policy followed in imagination: once by its means, the other times by its samples."""
        count = 1 + self.settings.imagined_policies
        latents, macros, spreads = np.repeat(latent[None], count, axis=0), [], []
        for _ in range(self.settings.horizon):
            mean, std = self.level.propose(latents, self.goal)
            noise = rng.standard_normal(mean.shape)
            noise[0] = 0.0
            macros.append(np.clip(mean + noise * std, -1.0, 1.0).astype(np.float32))
            spreads.append(std[0])
            latents = self.level.step(latents, macros[-1])
        chunks = np.stack(macros, axis=1)
        last = None if previous is None else previous.macros
        return Proposals(mean=chunks[0], std=np.stack(spreads), chunks=chunks[1:], previous=last)

    def _costs(self, proposals: Proposals) -> list[Cost]:
        search = self.settings.search
        assert proposals.mean is not None and proposals.std is not None
        return [
            GoalDistance(
                self.goal,
                self.level.latent_std,
                weight=search.goal_weight,
                terminal_weight=search.goal_terminal,
            ),
            StepsToGo(self.level, self.goal, weight=search.critic_weight, terminal_weight=search.critic_terminal),
            PolicyPrior(proposals.mean, proposals.std, weight=search.prior_weight),
        ]


def macros_of(level: SlowModel, actions: np.ndarray, horizon: int) -> np.ndarray:
    """Macro-actions (K, M) that stand for actions (T, 7), cut or followed by standing still."""
    steps = horizon * level.stride
    rest = np.repeat(actions[-1:], max(0, steps - len(actions)), axis=0)
    rest[:, :6] = 0.0
    return level.encode_macros(np.concatenate([actions[:steps], rest]).reshape(horizon, level.stride, 7))


def follow(level: SlowModel, latent: np.ndarray, macros: np.ndarray) -> np.ndarray:
    """Slow latents (C, K, 1, Y) after each of `macros` (C, K, M), from `latent` (1, Y)."""
    latents, predicted = np.repeat(latent[None], len(macros), axis=0), []
    for step in range(macros.shape[1]):
        latents = level.step(latents, macros[:, step])
        predicted.append(latents)
    return np.stack(predicted, axis=1)
