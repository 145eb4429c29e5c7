"""Limits as pure functions."""

from __future__ import annotations

import numpy as np
import pytest

from robot_wm.errors import ObservationError
from robot_wm.safety.limits import box_excess, require_finite


def test_excess_is_the_worst_axis_and_nan_is_infinitely_far() -> None:
    points = np.array([[0.5, 0.5, 0.5], [1.2, 0.5, -0.1], [np.nan, 0.5, 0.5], [0.5, -np.inf, 0.5]])
    np.testing.assert_allclose(box_excess(points, np.zeros(3), np.ones(3)), [0.0, 0.2, np.inf, np.inf])


def test_require_finite_counts_what_is_wrong() -> None:
    good = np.ones(3)
    assert require_finite(good, "plan") is good
    with pytest.raises(ObservationError, match="plan: 2 of 3"):
        require_finite(np.array([1.0, np.nan, np.inf]), "plan")
