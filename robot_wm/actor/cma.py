"""Separable covariance matrix adaptation."""

from __future__ import annotations

import numpy as np

from robot_wm.actor.plan import Proposals
from robot_wm.actor.planner import SamplingPlanner


class CmaPlanner(SamplingPlanner):
    """CMA-ES with a diagonal covariance (Ros & Hansen 2008), whose rates are those of 1604.00772, table 1.

    Beside the elites' spread it learns from the path that the mean takes: steps in one direction widen the search,
    steps to and fro narrow it. The first refit of a plan takes the elites' spread as it is, since the first candidates
    come from proposals and not from the distribution that is adapted; the paths begin after it.
    """

    def _start(self, horizon: int, proposals: Proposals) -> tuple[np.ndarray, np.ndarray]:
        mean, std = super()._start(horizon, proposals)
        self._step, self._variance, self._began = 1.0, std**2, False
        self._step_path, self._path = np.zeros_like(mean), np.zeros_like(mean)
        return mean, std

    def refit(self, unit: np.ndarray, totals: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        elites = unit[np.argsort(totals, kind="stable")[: self.settings.elites]]
        weights = np.log(len(elites) + 0.5) - np.log(np.arange(1, len(elites) + 1))
        weights = weights / weights.sum()
        steps = (elites - mean) / self._step
        step, squares = np.tensordot(weights, steps, 1), np.tensordot(weights, steps**2, 1)
        new_mean = mean + self._step * step
        if self._began:
            size, effective = mean.size, float(1.0 / np.square(weights).sum())
            self._adapt_step(step, size, effective)
            self._adapt_variance(step, squares, size, effective)
        else:
            self._variance, self._began = np.maximum(squares, self.settings.std_floor**2), True
        return new_mean, self._step * np.sqrt(self._variance)

    def _adapt_step(self, step: np.ndarray, size: int, effective: float) -> None:
        rate = (effective + 2) / (size + effective + 5)
        damping = 1 + 2 * max(0.0, np.sqrt((effective - 1) / (size + 1)) - 1) + rate
        news = np.sqrt(rate * (2 - rate) * effective) * step / np.sqrt(self._variance)
        self._step_path = (1 - rate) * self._step_path + news
        expected = np.sqrt(size) * (1 - 1 / (4 * size) + 1 / (21 * size**2))
        change = rate / damping * (np.linalg.norm(self._step_path) / expected - 1)
        self._step *= float(np.exp(min(change, 1.0)))

    def _adapt_variance(self, step: np.ndarray, squares: np.ndarray, size: int, effective: float) -> None:
        rate = (4 + effective / size) / (size + 4 + 2 * effective / size)
        self._path = (1 - rate) * self._path + np.sqrt(rate * (2 - rate) * effective) * step
        faster = (size + 2) / 3
        one = min(1.0, faster * 2 / ((size + 1.3) ** 2 + effective))
        many = min(1 - one, faster * 2 * (effective - 2 + 1 / effective) / ((size + 2) ** 2 + effective))
        many = max(many, 0.0)
        self._variance = (1 - one - many) * self._variance + one * self._path**2 + many * squares
