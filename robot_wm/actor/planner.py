"""Planning by sampling, by a deadline: what CEM, MPPI, CMA-ES and random shooting share."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robot_wm.actor.imagine import Candidates, WorldModel, imagine
from robot_wm.actor.plan import Plan, Proposals, best_plan, hold
from robot_wm.actor.settings import PlannerSettings
from robot_wm.actor.space import ActionSpace, SearchSpace, smoothing
from robot_wm.contract import Contract
from robot_wm.cost.term import Constraint, Cost


class Planner(Protocol):
    """Anything that searches a world model for a chunk of actions."""

    def plan(
        self,
        model: WorldModel,
        costs: Sequence[Cost],
        constraints: Sequence[Constraint],
        latent: np.ndarray,
        state: np.ndarray,
        proposals: Proposals,
        deadline: float | None,
        rng: np.random.Generator,
    ) -> Plan:
        """The best feasible chunk found by `deadline`, or a hold with the reason.

        Args:
            latent: (N, D) where the roll-outs start.
            state: (8,) measured state.
            deadline: On the clock of `time.monotonic`; None lets every iteration run.
        """


@dataclass(frozen=True)
class Found:
    """What a search came to: the last candidates with the best ever seen among them, and how much it looked at."""

    pool: Candidates
    iterations: int
    imagined: int


class SamplingPlanner(ABC):
    """Samples chunks around a mean, judges them in the model, refits, and keeps the best chunk ever seen.

    It is any-time: an iteration is begun only if it should end before the deadline, judged by the slowest so far. The
    first one always runs when anything is proposed, on the proposals alone if the deadline has already passed.

    Args:
        space: What is searched; for a contract, its actions.
    """

    def __init__(self, settings: PlannerSettings, space: Contract | SearchSpace) -> None:
        self.settings = settings
        self.space: SearchSpace = ActionSpace(space) if isinstance(space, Contract) else space

    @abstractmethod
    def refit(self, unit: np.ndarray, totals: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """New mean and spread (H, F) from candidates (C, H, F), their finite energies (C,) and the old mean."""

    def plan(
        self,
        model: WorldModel,
        costs: Sequence[Cost],
        constraints: Sequence[Constraint],
        latent: np.ndarray,
        state: np.ndarray,
        proposals: Proposals,
        deadline: float | None,
        rng: np.random.Generator,
    ) -> Plan:
        """See `Planner.plan`."""

        def judge(actions: np.ndarray) -> Candidates:
            return imagine(model, costs, constraints, self.space, latent, state, actions)

        found = self.search(judge, model.horizon, proposals, deadline, rng)
        if found is None:
            return hold(state, model.horizon, "the deadline had passed before any candidate was judged")
        return best_plan(found.pool, state, model.horizon, found.iterations, found.imagined)

    def search(
        self,
        judge: Callable[[np.ndarray], Candidates],
        horizon: int,
        proposals: Proposals,
        deadline: float | None,
        rng: np.random.Generator,
    ) -> Found | None:
        """Searches sequences (H, …) of the space that `judge` follows and scores; None when there was no time at all.

        Args:
            judge: Takes sequences (C, H, …) within the space.
            horizon: H.
        """
        settings, slowest, iteration, imagined = self.settings, 0.0, 0, 0
        proposed = proposals.as_candidates()
        if _is_late(deadline, slowest) and not proposed:
            return None
        smooth = smoothing(horizon, settings.correlation_steps)
        mean, std = self._start(horizon, proposals)
        pool: Candidates | None = None
        while iteration < settings.iterations and (iteration == 0 or not _is_late(deadline, slowest)):
            began = time.monotonic()
            if iteration == 0:
                late = _is_late(deadline, slowest)
                actions = np.stack(proposed) if late else self._first(mean, std, proposals, proposed, smooth, rng)
            else:
                actions = self._sample(mean, std, settings.samples, smooth, rng)
                actions[0] = self.space.to_actions(mean)
            judged = judge(self.space.clip(actions))
            imagined += len(judged)
            pool = judged if pool is None else pool.best(self._kept()).join(judged)
            mean, std = self._updated(mean, std, pool)
            slowest, iteration = max(slowest, time.monotonic() - began), iteration + 1
        assert pool is not None
        return Found(pool, iteration, imagined)

    def _kept(self) -> int:
        return max(1, round(self.settings.kept * self.settings.elites))

    def _start(self, horizon: int, proposals: Proposals) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread (H, F): the policy's, else the last plan's, else standing still."""
        wide = np.full((horizon, self.space.free), self.settings.start_std)
        if proposals.mean is not None and proposals.std is not None:
            std = np.maximum(self.space.scale(proposals.std), self.settings.std_floor)
            return self.space.to_unit(proposals.mean), std
        if proposals.previous is not None:
            return self.space.to_unit(proposals.previous), wide
        return np.zeros_like(wide), wide

    def _first(
        self,
        mean: np.ndarray,
        std: np.ndarray,
        proposals: Proposals,
        proposed: list[np.ndarray],
        smooth: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """The first candidates (C, H, 7): everything proposed, then samples near it, near the last plan and wide."""
        settings = self.settings
        proposed = proposed[: settings.samples]
        rest = settings.samples - len(proposed)
        wide = round(settings.wide * rest)
        start = np.full_like(std, settings.start_std)
        groups = [np.stack(proposed)] if proposed else []
        groups.append(self._sample(np.zeros_like(mean), start, wide, smooth, rng))
        if proposals.previous is not None:
            near = self.space.to_unit(proposals.previous)
            groups.append(self._sample(near, start / 2, min(wide, rest - wide), smooth, rng))
        groups.append(self._sample(mean, std, settings.samples - sum(map(len, groups)), smooth, rng))
        return np.concatenate(groups)

    def _sample(
        self, mean: np.ndarray, std: np.ndarray, count: int, smooth: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        noise = smooth @ rng.standard_normal((count, *mean.shape))
        return self.space.to_actions(mean + std * noise)

    def _updated(self, mean: np.ndarray, std: np.ndarray, pool: Candidates) -> tuple[np.ndarray, np.ndarray]:
        finite = np.isfinite(pool.totals)
        if not finite.any():
            return mean, std
        new_mean, new_std = self.refit(self.space.to_unit(pool.actions[finite]), pool.totals[finite], mean)
        keep = self.settings.momentum
        std = np.maximum(keep * std + (1 - keep) * new_std, self.settings.std_floor)
        return keep * mean + (1 - keep) * new_mean, std


def _is_late(deadline: float | None, needed_s: float) -> bool:
    return deadline is not None and time.monotonic() + needed_s >= deadline
