"""Random shooting."""

from __future__ import annotations

import numpy as np

from robot_wm.actor.plan import Proposals
from robot_wm.actor.planner import SamplingPlanner


class ShootingPlanner(SamplingPlanner):
    """Samples around where it began and keeps the best; the baseline that any refitting must beat."""

    def _start(self, horizon: int, proposals: Proposals) -> tuple[np.ndarray, np.ndarray]:
        self._mean, self._std = super()._start(horizon, proposals)
        return self._mean, self._std

    def refit(self, unit: np.ndarray, totals: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self._mean, self._std
