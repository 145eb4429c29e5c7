"""The cross-entropy method."""

from __future__ import annotations

import numpy as np

from robot_wm.actor.planner import SamplingPlanner


class CemPlanner(SamplingPlanner):
    """Refits to the elites, the candidates of least energy (Rubinstein 1999; kept elites as in iCEM, 2008.06389).

    Better elites weigh more, by the logarithm of their rank, and the spread is taken about the old mean, so that it
    does not collapse while the mean still travels (both as in CMA-ES, 1604.00772, equations 6 and 30).
    """

    def refit(self, unit: np.ndarray, totals: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        elites = unit[np.argsort(totals, kind="stable")[: self.settings.elites]]
        ranks = np.arange(1, len(elites) + 1)
        weights = np.log(len(elites) + 0.5) - np.log(ranks)
        weights = (weights / weights.sum())[:, None, None]
        return (weights * elites).sum(axis=0), np.sqrt((weights * (elites - mean) ** 2).sum(axis=0))
