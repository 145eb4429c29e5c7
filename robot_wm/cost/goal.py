"""Distance to the goal in the latent space."""

from __future__ import annotations

import numpy as np

from robot_wm.cost.term import Cost, Rollout


class GoalDistance(Cost):
    """Mean absolute difference between latent and goal, in standard deviations of the latent.

    Args:
        goal: (N, D) the goal's latent.
        latent_std: Standard deviation of latents over the training frames.
    """

    def __init__(
        self, goal: np.ndarray, latent_std: float, *, weight: float = 1.0, terminal_weight: float = 0.0
    ) -> None:
        super().__init__(weight, terminal_weight)
        self.goal = goal
        self.latent_std = latent_std

    def energy(self, rollout: Rollout) -> np.ndarray:
        difference = rollout.latents - self.goal
        np.abs(difference, out=difference)
        return difference.mean(axis=(2, 3)) / self.latent_std
