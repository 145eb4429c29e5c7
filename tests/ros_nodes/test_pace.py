"""Commands that ask for more than the joints can do between one and the next."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cyclonedds")

from ros_nodes.chaos.pace import WINDOW_S, Pace

FASTEST = np.array([2.0, 1.0])


def test_a_steady_motion_within_the_limits_is_kept_and_one_over_them_is_not() -> None:
    slow, fast = Pace(FASTEST), Pace(FASTEST)
    ticks = np.arange(30) * 0.008
    assert all(slow.is_kept(due_s, 0.99 * FASTEST * due_s) for due_s in ticks)
    assert not all(fast.is_kept(due_s, 1.3 * FASTEST * due_s) for due_s in ticks)


def test_a_leap_of_one_joint_is_not_kept() -> None:
    pace = Pace(FASTEST)
    assert pace.is_kept(1.0, np.zeros(2))
    assert not pace.is_kept(1.008, np.array([0.0, 0.04]))


def test_ticks_that_jitter_are_kept() -> None:
    """Motions are made for even ticks; their stamps come a little early or late."""
    pace, rng = Pace(FASTEST), np.random.default_rng(0)
    for tick in range(200):
        assert pace.is_kept(0.008 * tick + rng.uniform(-0.007, 0.007), 0.95 * FASTEST * 0.008 * tick)


def test_a_pause_and_a_clock_that_goes_back_begin_anew() -> None:
    pace = Pace(FASTEST)
    assert pace.is_kept(1.0, np.zeros(2))
    assert pace.is_kept(1.0 + 2 * WINDOW_S, np.ones(2))
    assert pace.is_kept(0.5, np.zeros(2))
