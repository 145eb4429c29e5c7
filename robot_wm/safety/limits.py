"""How far something is outside its limits; zero means inside."""

from __future__ import annotations

import numpy as np

from robot_wm.errors import ObservationError


def box_excess(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Distance (...) in metres by which `points` (..., 3) lie outside the box `low` to `high`, the worst axis counting.

    A point that is not finite is infinitely far outside.
    """
    excess = np.maximum(np.maximum(low - points, points - high), 0.0).max(axis=-1)
    return np.where(np.isfinite(excess), excess, np.inf)


def require_finite(array: np.ndarray, source: str) -> np.ndarray:
    """Returns `array`, or raises ObservationError saying how many of its numbers are NaN or Inf."""
    bad = int(np.size(array) - np.count_nonzero(np.isfinite(array)))
    if bad:
        raise ObservationError(f"{source}: {bad} of {np.size(array)} numbers are NaN or Inf, expected finite numbers")
    return array
