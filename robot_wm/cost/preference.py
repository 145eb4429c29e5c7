"""What people liked better, as a cost."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from robot_wm.cost.term import Cost, Rollout


class PreferenceModel(Protocol):
    """A learned energy (M,) of latents (M, N, D): the lower, the better people like what they show."""

    def __call__(self, latents: np.ndarray) -> np.ndarray: ...


class Preference(Cost):
    """Learned energy of the predicted latents.

    The probability that a clip is judged better than another is the logistic function of the difference of their mean
    energies (Bradley & Terry 1952; for behaviour, arXiv 1706.03741).
    """

    def __init__(self, model: PreferenceModel, *, weight: float = 1.0) -> None:
        super().__init__(weight)
        self.model = model

    def energy(self, rollout: Rollout) -> np.ndarray:
        candidates, horizon, *latent = rollout.latents.shape
        return self.model(rollout.latents.reshape(-1, *latent)).reshape(candidates, horizon)
