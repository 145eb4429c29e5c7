"""Model-predictive path integral control."""

from __future__ import annotations

import numpy as np

from robot_wm.actor.planner import SamplingPlanner


class MppiPlanner(SamplingPlanner):
    """Weighs every candidate by `exp(-energy / temperature)` (Williams et al. 2017, 1509.01149, equation 22).

    The temperature is relative to the spread of the energies, so that it need not follow the scale of the costs. The
    spread of the samples follows the weights too, about the old mean, as in `CemPlanner`.
    """

    def refit(self, unit: np.ndarray, totals: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scale = self.settings.temperature * max(float(totals.std()), 1e-12)
        weights = np.exp((totals.min() - totals) / scale)
        weights = (weights / weights.sum())[:, None, None]
        return (weights * unit).sum(axis=0), np.sqrt((weights * (unit - mean) ** 2).sum(axis=0))
