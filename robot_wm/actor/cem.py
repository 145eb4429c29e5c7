"""The cross-entropy method."""

from __future__ import annotations

import numpy as np

from robot_wm.actor.planner import SamplingPlanner


class CemPlanner(SamplingPlanner):
    """Refits to the elites, the candidates of least energy (Rubinstein 1999; kept elites as in iCEM, 2008.06389)."""

    def refit(self, unit: np.ndarray, totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        elites = unit[np.argsort(totals, kind="stable")[: self.settings.elites]]
        return elites.mean(axis=0), elites.std(axis=0)
