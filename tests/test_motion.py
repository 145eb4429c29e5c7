"""The motion filter keeps velocity, acceleration and jerk limits, whatever it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ruckig")

from robot_wm.motion import Motion, MotionError, MotionFilter, MotionLimits

LIMITS = MotionLimits(np.array([1.0, 2.0]), np.array([4.0, 8.0]), np.array([100.0, 200.0]))
TICK_S = 0.01


def test_limits_hold_under_random_commands() -> None:
    rng, motion, shaper = np.random.default_rng(0), Motion.at_rest(np.zeros(2)), MotionFilter(LIMITS, TICK_S)
    for _ in range(500):
        after = shaper.step(motion, rng.uniform(-5, 5, 2))
        assert np.all(np.abs(after.velocity) <= LIMITS.velocity + 1e-9)
        assert np.all(np.abs(after.velocity - motion.velocity) <= LIMITS.acceleration * TICK_S + 1e-9)
        assert np.all(np.abs(after.acceleration - motion.acceleration) <= LIMITS.jerk * TICK_S + 1e-9)
        motion = after


def test_brake_comes_to_rest_and_stays() -> None:
    motion, shaper = Motion(np.zeros(2), np.array([1.0, -2.0]), np.zeros(2)), MotionFilter(LIMITS, TICK_S)
    for _ in range(60):
        motion = shaper.brake(motion)
    assert motion.is_at_rest
    np.testing.assert_allclose(shaper.brake(motion).position, motion.position)


def test_not_finite_is_refused() -> None:
    with pytest.raises(MotionError, match="not finite"):
        MotionFilter(LIMITS, TICK_S).step(Motion.at_rest(np.zeros(2)), np.array([np.nan, 0.0]))


@pytest.mark.parametrize("bad", [np.array([0.0, 1.0]), np.array([-1.0, 1.0]), np.array([np.inf, 1.0]), np.ones(3)])
def test_senseless_limits_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(MotionError):
        MotionLimits(np.ones(2), bad, np.ones(2))
