"""The learned critic as a cost: expected steps to go."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from robot_wm.cost.term import Cost, Rollout


class CriticModel(Protocol):
    """A model that knows how many steps (M,) lie between latents (M, N, D) and a goal (N, D)."""

    def critic(self, latents: np.ndarray, goal: np.ndarray) -> np.ndarray: ...


class StepsToGo(Cost):
    """Learned temporal distance from the predicted latents to the goal, in steps.

    Args:
        goal: (N, D) the goal's latent.
        every: The critic sees the last step and every so many before it; a step between counts like the next one
            seen. The critic costs about as much time as the roll-out, and this share of it is saved.
    """

    def __init__(
        self,
        model: CriticModel,
        goal: np.ndarray,
        *,
        every: int = 1,
        weight: float = 1.0,
        terminal_weight: float = 0.0,
    ) -> None:
        super().__init__(weight, terminal_weight)
        self.model = model
        self.goal = goal
        self.every = every

    def energy(self, rollout: Rollout) -> np.ndarray:
        candidates, horizon, *latent = rollout.latents.shape
        seen = np.arange(horizon - 1, -1, -self.every)[::-1]
        latents = rollout.latents if self.every == 1 else rollout.latents[:, seen]
        steps = self.model.critic(latents.reshape(-1, *latent), self.goal).reshape(candidates, len(seen))
        return steps[:, np.searchsorted(seen, np.arange(horizon))]
