"""A clock that jumps ahead, from the guard to the robot's trajectory controller, tick by tick and without processes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ruckig")

from robot_wm.motion import Motion, MotionLimits
from robot_wm.safety.command import Command, GuardSettings
from robot_wm.safety.guard import Guard
from robot_wm.safety.watch import Watch
from ros_nodes.trajectory_executor import TrajectoryExecutor, Waypoint

LIMITS = MotionLimits(np.array([2.0]), np.array([8.0]), np.array([1000.0]))
TICK_S, JUMP_S, JUMP_AT_S, SPEED = 0.008, 5.0, 0.8, 1.0


def speeds_after_the_jump(trusting: bool) -> np.ndarray:
    """Speeds of the robot in each tick of a second after the clock of the guard has jumped; the robot's has not.

    Args:
        trusting: Stamps commands with that clock all the same.
    """
    settings = GuardSettings(tick_s=TICK_S)
    guard = Guard(LIMITS, [], settings)
    watch, robot = Watch(guard, [], 0.25), TrajectoryExecutor(["a"], np.zeros(1))
    speeds = []
    for tick in range(round((JUMP_AT_S + 1.0) / TICK_S)):
        time_s = 1000.0 + tick * TICK_S
        ros_s = time_s + (JUMP_S if tick * TICK_S >= JUMP_AT_S else 0.0)
        watch.joints.accept(ros_s, ros_s, time_s)
        guard.measure(robot.sample(time_s).position, time_s)
        command = np.array([SPEED * max(0.0, tick * TICK_S - 0.4)])
        guard.accept(Command(command, np.array([SPEED if command else 0.0]), time_s, time_s))
        motion = guard.step(time_s, watch.why_hold(ros_s, time_s))
        if motion is not None:
            delay_s = ros_s - time_s if trusting or watch.trusts_clock else 0.0
            robot.replace(["a"], _points(motion, guard.tail, settings.stop_spacing_s), time_s, delay_s)
        if tick * TICK_S >= JUMP_AT_S:
            speeds.append(abs(float(robot.sample(time_s).velocity[0])))
    return np.array(speeds)


def _points(motion: Motion, tail: list[Motion], spacing_s: float) -> list[Waypoint]:
    due = [(TICK_S, motion), *((TICK_S + spacing_s * (index + 1), each) for index, each in enumerate(tail))]
    return [Waypoint(time_s, each.position, each.velocity) for time_s, each in due]


def test_the_arm_brakes_though_its_clock_leads() -> None:
    speeds = speeds_after_the_jump(trusting=False)
    assert speeds[0] > 0.5 * SPEED
    at_rest_s = TICK_S * (np.flatnonzero(speeds > 0.02)[-1] + 1)
    assert at_rest_s < SPEED / LIMITS.acceleration[0] + 0.05
    assert speeds.max() < 1.1 * SPEED


def test_stamps_of_that_clock_would_let_it_coast() -> None:
    """What is prevented: the robot waits for a time that its own clock reaches seconds later, and moves on."""
    assert speeds_after_the_jump(trusting=True)[round(0.4 / TICK_S)] > 0.2 * SPEED
