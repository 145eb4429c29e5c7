"""What the model does not know, as a cost: plans through it are worth less than they seem."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from robot_wm.cost.term import Cost, Rollout


class Doubt(Protocol):
    """How unsure a model is of single steps, and from where on that is unusual."""

    @property
    def bound(self) -> float: ...

    def disagreement(self, latents: np.ndarray, states: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Disagreement (M,) about steps from latents (M, N, D) and states (M, 8) by actions (M, 7)."""


class Uncertainty(Cost):
    """Disagreement about the steps of a roll-out, as a share of its calibrated bound.

    Args:
        every: The last step is looked at and every so many before it; a step between counts like the next one looked
            at. The first step is left to the caller, who knows what it starts from: it counts like the second.
    """

    def __init__(self, doubt: Doubt, *, every: int = 1, weight: float = 1.0) -> None:
        super().__init__(weight)
        self.doubt, self.every = doubt, every

    def energy(self, rollout: Rollout) -> np.ndarray:
        candidates, horizon, *latent = rollout.latents.shape
        if horizon == 1:
            return np.zeros((candidates, 1))
        seen = np.arange(horizon - 1, 0, -self.every)[::-1]
        before = seen - 1
        spread = self.doubt.disagreement(
            rollout.latents[:, before].reshape(-1, *latent),
            rollout.states[:, before].reshape(-1, rollout.states.shape[-1]),
            rollout.actions[:, seen].reshape(-1, rollout.actions.shape[-1]),
        ).reshape(candidates, len(seen))
        return spread[:, np.searchsorted(seen, np.arange(horizon))] / self.doubt.bound
