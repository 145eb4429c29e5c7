"""What speaks against moving, and what stops for good."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ruckig")

from robot_wm.motion import MotionLimits
from robot_wm.safety.command import GuardSettings
from robot_wm.safety.guard import Guard
from robot_wm.safety.heartbeat import Beat
from robot_wm.safety.watch import Watch

LIMITS = MotionLimits(np.ones(2), np.full(2, 5.0), np.full(2, 500.0))


@pytest.fixture
def guard() -> Guard:
    return Guard(LIMITS, [], GuardSettings())


@pytest.fixture
def watch(guard: Guard) -> Watch:
    watch = Watch(guard, ["planner_node"], 0.25)
    watch.start(100.0)
    return watch


def beat(watch: Watch, at_s: float, active_s: float = 1.0) -> None:
    watch.take(Beat("planner_node", "a", "active", 0.0, at_s - 90.0, active_s), at_s)


def test_nothing_speaks_against_it_when_all_is_well(watch: Watch, guard: Guard) -> None:
    beat(watch, 100.0)
    assert not watch.joints.accept(10.0, 10.0, 100.0)
    assert not watch.why_hold(10.0, 100.0) and not guard.stop_reason


def test_joint_states_that_never_came_hold_and_those_that_end_stop(watch: Watch, guard: Guard) -> None:
    beat(watch, 105.0)
    assert watch.why_hold(15.0, 105.0) == "no joint states yet" and not guard.stop_reason
    watch.joints.accept(15.0, 15.0, 105.0)
    for tick in range(12):
        beat(watch, 105.0 + 0.1 * tick)
        watch.why_hold(15.0 + 0.1 * tick, 105.0 + 0.1 * tick)
    assert "joint states are lost" in guard.stop_reason


def test_a_lost_part_stops_until_reset(watch: Watch, guard: Guard) -> None:
    beat(watch, 100.0)
    watch.why_hold(10.0, 100.0)
    watch.why_hold(11.2, 101.2)
    assert "planner_node is lost" in guard.stop_reason
    watch.reset()
    assert not guard.stop_reason
    assert "not been heard" in watch.why_hold(11.21, 101.21) or "joint states" in watch.why_hold(11.21, 101.21)


def test_a_newcomer_among_old_hands_stops_until_reset(watch: Watch, guard: Guard) -> None:
    beat(watch, 100.2, active_s=9.0)
    assert not guard.stop_reason
    beat(watch, 100.3, active_s=60.0)
    assert "started while the system was running" in guard.stop_reason
    watch.reset()
    beat(watch, 100.4, active_s=60.1)
    assert not guard.stop_reason


def test_a_clock_that_jumped_is_not_trusted_until_it_has_run_well(watch: Watch) -> None:
    """What is stamped by it meanwhile would begin at another time on the robot."""
    watch.why_hold(10.0, 100.0)
    assert watch.trusts_clock
    assert "jumped: forward" in watch.why_hold(15.008, 100.008) and not watch.trusts_clock
    for tick in range(2, 65):
        watch.why_hold(15.0 + 0.008 * tick, 100.0 + 0.008 * tick)
    assert watch.trusts_clock
