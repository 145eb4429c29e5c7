"""Targets that are too far for one tick, with and without the limits of the drives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("pybullet")

from sim.drives import Drives
from sim.limit_checker import LimitChecker
from sim.world import World

TICK_S = 1 / 60


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.place_robot(np.array([0.5, 0.0, 0.3]))
    yield world
    world.close()


def test_a_leap_takes_as_long_as_the_limits_say_and_is_counted(world: World) -> None:
    drives, checker = Drives(world), LimitChecker(world)
    goal = world.joint_target + np.array([0.3, 0, 0, 0, 0, 0, 0])
    for _ in range(60):
        drives.step(goal, 0.0, TICK_S)
        checker.look()
    np.testing.assert_allclose(world.joint_positions(), goal, atol=0.01)
    assert checker.violations["velocity"] == 0 and 0.9 < checker.fastest <= 1.02
    assert drives.limited == int(0.3 / (world.robot.limits()[2][0] * TICK_S))


def test_without_them_the_checker_sees_the_leap(world: World) -> None:
    checker = LimitChecker(world)
    world.step_joints(world.joint_target + np.array([0.3, 0, 0, 0, 0, 0, 0]), 0.0, TICK_S)
    checker.look()
    assert checker.violations["velocity"] == 1 and checker.fastest > 1.5


def test_a_motion_within_the_limits_goes_as_it_is(world: World) -> None:
    drives, start = Drives(world), world.joint_target
    for tick in range(1, 31):
        drives.step(start + np.array([0.5 * tick * TICK_S, 0, 0, 0, 0, 0, 0]), 0.0, TICK_S)
    np.testing.assert_allclose(world.joint_target - start, [0.25, 0, 0, 0, 0, 0, 0], atol=1e-12)
    assert drives.limited == 0
