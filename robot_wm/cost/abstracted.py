"""Costs of a slower level over the futures of the fast one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from robot_wm.cost.term import Cost, Rollout, Weighted


class Abstraction(Protocol):
    """A slow level that sees the fast level's latents (M, N, D) as its own (M, 1, Y)."""

    def abstract(self, latents: np.ndarray) -> np.ndarray: ...


class Abstracted(Weighted):
    """The weighted sum of terms that look at slow latents, of futures predicted by the fast level.

    So a sub-goal of the slow level is an energy of the fast one, and what the slow level has no eye for stays free.

    Args:
        terms: Costs over roll-outs whose latents are (C, H, 1, Y).
        every: The last step is seen and every so many before it; a step between counts like the next one seen.
    """

    def __init__(self, level: Abstraction, terms: Sequence[Cost], *, every: int = 1, weight: float = 1.0) -> None:
        super().__init__(terms, weight)
        self.level, self.every = level, every

    def energy(self, rollout: Rollout) -> np.ndarray:
        candidates, horizon, *latent = rollout.latents.shape
        seen = np.arange(horizon - 1, -1, -self.every)[::-1]
        slow = self.level.abstract(rollout.latents[:, seen].reshape(-1, *latent))
        latents = slow.reshape(candidates, len(seen), *slow.shape[1:])
        energies = super().energy(Rollout(rollout.actions[:, seen], rollout.states[:, seen], latents))
        return energies[:, np.searchsorted(seen, np.arange(horizon))]
