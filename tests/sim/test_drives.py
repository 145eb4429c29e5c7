"""Targets that are too far for one tick, with and without the limits of the drives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("pybullet")

from sim.drives import ACCELERATION, CATCH_UP, Drives
from sim.limit_checker import LimitChecker
from sim.robot import DOWN
from sim.world import World

TICK_S = 1 / 60


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.place_robot(np.array([0.5, 0.0, 0.3]))
    yield world
    world.close()


def test_a_leap_takes_as_long_as_catching_up_does_and_is_counted(world: World) -> None:
    drives, checker = Drives(world), LimitChecker(world)
    goal = world.joint_target + np.array([0.4, 0, 0, 0, 0, 0, 0])
    for _ in range(90):
        drives.step(goal, 0.0, TICK_S)
        checker.look()
    np.testing.assert_allclose(world.joint_positions(), goal, atol=0.01)
    assert checker.violations["velocity"] == 0 and checker.fastest < 0.25
    assert drives.limited * TICK_S == pytest.approx(0.4 / CATCH_UP + CATCH_UP / ACCELERATION[0], abs=3 * TICK_S)


def test_what_stops_while_they_catch_up_is_not_overshot(world: World) -> None:
    drives, start, way, speed = Drives(world), world.joint_target, 0.0, 0.8
    reached = []
    for tick in range(80):
        speed = max(0.0, speed - 12.0 * TICK_S) if tick > 24 else speed
        way += speed * TICK_S
        drives.step(start + np.array([way + 0.1 * (tick > 20), 0, 0, 0, 0, 0, 0]), 0.0, TICK_S)
        reached.append(world.joint_positions()[0] - start[0])
    assert drives.limited > 3 and way + 0.1 - 0.005 < max(reached) < way + 0.1 + 0.005


@pytest.mark.parametrize("ticks", [1, 4])
def test_joints_that_leap_together_do_not_drive_one_another_too_fast(world: World, ticks: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        world.place_robot(np.array([0.5, 0.0, 0.3]))
        drives, checker = Drives(world), LimitChecker(world)
        goal = world.joint_target + rng.uniform(-0.25, 0.25, 7)
        for _ in range(80 // ticks):
            drives.step(goal, 0.0, ticks * TICK_S)
            checker.look()
        assert checker.violations["velocity"] == 0 and drives.limited > 0
        np.testing.assert_array_equal(world.joint_target, goal)


def test_a_moving_target_is_met_at_its_own_speed(world: World) -> None:
    drives, start = Drives(world), world.joint_target
    speed, leap = np.array([0.4, 0, 0, 0, 0, -0.3, 0]), np.array([0.1, 0, 0, 0, 0, 0, 0])
    for tick in range(1, 91):
        drives.step(start + speed * tick * TICK_S + leap * (tick > 10), 0.0, TICK_S)
    np.testing.assert_allclose(world.joint_target, start + speed * 1.5 + leap, atol=1e-9)
    assert 10 < drives.limited < 45


def test_without_them_the_checker_sees_the_leap(world: World) -> None:
    rng, checker = np.random.default_rng(0), LimitChecker(world)
    for _ in range(20):
        world.place_robot(np.array([0.5, 0.0, 0.3]))
        goal = world.joint_target + rng.uniform(-0.25, 0.25, 7)
        for _ in range(20):
            world.step_joints(goal, 0.0, TICK_S)
            checker.look()
    assert checker.violations["velocity"] > 0 and checker.fastest > 1.02
    assert "shares of the velocity limits" in checker.last


def test_a_motor_far_from_its_target_turns_no_faster_than_its_joint_may(world: World) -> None:
    world.place_robot(np.array([0.5, 0.0, 0.3]))
    held = world.joint_target + np.array([0, 0, 0, 0, 0, 0.8, 0])
    checker = LimitChecker(world)
    for _ in range(60):
        world.step_joints(held, 0.0, TICK_S)
        checker.look()
    np.testing.assert_allclose(world.joint_positions(), held, atol=0.01)
    assert checker.violations["velocity"] == 0


def test_a_motion_within_the_limits_goes_as_it_is(world: World) -> None:
    drives, start = Drives(world), world.joint_target
    for tick in range(1, 31):
        drives.step(start + np.array([0.5 * tick * TICK_S, 0, 0, 0, 0, 0, 0]), 0.0, TICK_S)
    np.testing.assert_allclose(world.joint_target - start, [0.25, 0, 0, 0, 0, 0, 0], atol=1e-12)
    assert drives.limited == 0


def test_a_hand_that_presses_stores_no_way(world: World) -> None:
    world.place_block(np.array([0.5, 0.0, 0.025]), 0.0)
    world.place_robot(np.array([0.5, 0.0, 0.12]))
    drives, start = Drives(world), world.joint_positions()
    into = world.robot.inverse(np.array([0.5, 0.0, 0.02]), DOWN)
    stored = []
    for tick in range(120):
        drives.step(start + min(1.0, tick / 60) * (into - start), 0.0, TICK_S)
        stored.append(np.max(np.abs(world.joint_target - world.joint_positions())))
    assert world.ee_pose()[2] > 0.04 and drives.held_back > 10, "the block is under the hand"
    assert max(stored) < 0.03 < 0.5 * np.max(np.abs(into - world.joint_positions()))
    for _ in range(120):
        drives.step(start, 0.0, TICK_S)
    np.testing.assert_allclose(world.joint_positions(), start, atol=2e-3)
