"""How unlike the reactive policy's proposal a plan is."""

from __future__ import annotations

import numpy as np

from robot_wm.cost.term import Cost, Rollout


class PolicyPrior(Cost):
    """Squared distance of the actions from the policy's, in the policy's standard deviations, summed over dimensions.

    Up to a constant this is twice the negative log-likelihood of the actions under the policy. It keeps the search
    where the model has seen actions, so that it refines habits instead of exploiting the model's mistakes.

    Args:
        mean: (H, 7) the policy's chunk.
        std: (H, 7) its spread.
    """

    def __init__(self, mean: np.ndarray, std: np.ndarray, *, weight: float = 1.0) -> None:
        super().__init__(weight)
        self.mean = mean
        self.std = std

    def energy(self, rollout: Rollout) -> np.ndarray:
        return np.square((rollout.actions - self.mean) / self.std).sum(axis=2)
