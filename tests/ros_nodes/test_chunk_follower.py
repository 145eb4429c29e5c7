"""Following chunks without jumps, and holding whenever plan or joint states are not fresh; no ROS needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pinocchio")
import ros_nodes  # noqa: F401  (supplies the message packages where ROS is not installed)
from robot_wm.kinematics import Arm, pose_change, pose_distance
from robot_wm.motion import Motion, MotionLimits
from ros_nodes.chunk_follower import ChunkFollower, FollowerSettings
from ros_nodes.conversions import Plan
from ros_nodes.robot_config import RobotConfig

SETTINGS = FollowerSettings()
ROBOT = RobotConfig.load("panda_sim")


class Bench:
    """An ideal arm in front of a follower, with both clocks in hand."""

    def __init__(self) -> None:
        self.arm: Arm = ROBOT.arm()
        self.limits = ROBOT.motion_limits(self.arm)
        self.follower = ChunkFollower(self.arm, self.limits, np.array(ROBOT.posture), SETTINGS)
        self.now_s = 100.0
        self.joints = np.array(ROBOT.posture)
        self.commands: list[Motion] = []

    def plan(self, offset: tuple[float, float, float], age_s: float = 0.1, steps: int = 8) -> Plan:
        """A chunk of `steps` equal displacements from where the arm is."""
        poses = np.repeat(self.arm.forward(self.joints)[None], steps, axis=0)
        poses[:, :3] += np.arange(1, steps + 1)[:, None] * np.array(offset)
        return Plan(self.now_s - age_s, 0.2 * np.arange(1, steps + 1), poses, np.full(steps, 0.5))

    def accept(self, plan: Plan) -> bool:
        return self.follower.accept(plan, self.now_s, self.now_s)

    def run(self, seconds: float, measured: bool = True) -> None:
        """Ticks for a while; the arm goes exactly where it is told."""
        for _ in range(round(seconds / SETTINGS.tick_s)):
            if measured:
                self.follower.measure(self.joints, self.now_s)
            motion = self.follower.step(self.now_s, self.now_s)
            if motion is not None:
                self.commands.append(motion)
                self.joints = motion.position
            self.now_s += SETTINGS.tick_s


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.follower.measure(bench.joints, bench.now_s)
    return bench


def test_follows_the_chunk_at_its_own_speed(bench: Bench) -> None:
    """The chunk comes 0.1 s late and moves 0.03 m a step: the arm must not hurry to catch up."""
    start, plan = bench.arm.forward(bench.joints), bench.plan((0.0, 0.03, 0.0))
    assert bench.accept(plan)
    bench.run(0.45)
    end = bench.arm.forward(bench.joints)
    assert 0.03 < end[1] - start[1] < 0.0825
    np.testing.assert_allclose(np.delete(end, 1), np.delete(start, 1), atol=3e-3)
    positions = np.array([bench.arm.forward(command.position)[1] for command in bench.commands])
    assert np.max(np.diff(positions)) < 1.2 * 0.15 * SETTINGS.tick_s
    assert bench.follower.reason == ""
    assert bench.follower.opening(bench.now_s) == 0.5


@pytest.mark.parametrize("latency_s", [0.02, 0.15])
def test_closed_loop_arrives_and_stays(bench: Bench, latency_s: float) -> None:
    """Replanned every step from what was seen `latency_s` earlier, as planner_node does."""
    goal = bench.arm.forward(bench.joints) + np.array([0.05, 0.15, -0.05, 0, 0, 0, 0])
    for _ in range(10):
        seen = bench.arm.forward(bench.joints)
        steps = np.arange(1, 5)[:, None] * np.array([0.04, 0.04, 0.04])
        poses = np.repeat(goal[None], 4, axis=0)
        poses[:, :3] = seen[:3] + np.clip(goal[:3] - seen[:3], -steps, steps)
        plan = Plan(bench.now_s, 0.2 * np.arange(1, 5), poses, np.zeros(4))
        bench.run(latency_s)
        assert bench.accept(plan)
        bench.run(0.2 - latency_s)
    assert pose_distance(bench.arm.forward(bench.joints), goal) < 2e-3


def test_new_chunks_never_jump(bench: Bench) -> None:
    rng = np.random.default_rng(1)
    for _ in range(25):
        bench.accept(bench.plan(tuple(rng.uniform(-0.04, 0.04, 3)), age_s=rng.uniform(0.05, 0.15)))
        bench.run(0.2)
    before, after = bench.commands[:-1], bench.commands[1:]
    for a, b in zip(before, after, strict=True):
        assert np.all(np.abs(b.velocity) <= bench.limits.velocity + 1e-9)
        assert np.all(np.abs(b.velocity - a.velocity) <= bench.limits.acceleration * SETTINGS.tick_s + 1e-9)
        assert np.all(np.abs(b.position - a.position) <= bench.limits.velocity * SETTINGS.tick_s + 1e-9)


@pytest.mark.parametrize("seconds", [SETTINGS.plan_timeout_s, SETTINGS.plan_max_age_s])
def test_silence_of_the_planner_stops_the_arm(bench: Bench, seconds: float) -> None:
    bench.accept(bench.plan((0.0, 0.03, 0.0)))
    bench.run(seconds + 0.5)
    assert "stale" in bench.follower.reason
    assert bench.commands[-1].is_at_rest
    still = bench.joints.copy()
    bench.run(0.5)
    np.testing.assert_array_equal(bench.joints, still)


def test_old_stamp_is_stale_though_it_just_arrived(bench: Bench) -> None:
    bench.accept(bench.plan((0.0, 0.03, 0.0), age_s=SETTINGS.plan_max_age_s + 0.01))
    bench.run(0.1)
    assert "observation is" in bench.follower.reason
    assert not bench.commands


def test_stamp_from_the_future_is_refused(bench: Bench) -> None:
    bench.accept(bench.plan((0.0, 0.03, 0.0), age_s=-1.0))
    bench.run(0.1)
    assert "future" in bench.follower.reason and not bench.commands


def test_older_plan_does_not_replace_a_newer_one(bench: Bench) -> None:
    newer, older = bench.plan((0.0, 0.03, 0.0), age_s=0.1), bench.plan((0.0, -0.03, 0.0), age_s=0.3)
    assert bench.accept(newer)
    assert not bench.accept(older)


def test_stop_wins_over_a_plan_that_was_under_way(bench: Bench) -> None:
    bench.accept(bench.plan((0.0, 0.03, 0.0)))
    bench.run(0.2)
    late = bench.plan((0.0, 0.03, 0.0), age_s=0.1)
    bench.accept(Plan(bench.now_s, np.empty(0), np.empty((0, 7)), np.empty(0)))
    assert not bench.accept(late)
    bench.run(0.5)
    assert bench.follower.reason == "planner says stop" and bench.commands[-1].is_at_rest


def test_silent_joint_states_stop_the_arm(bench: Bench) -> None:
    bench.accept(bench.plan((0.0, 0.03, 0.0)))
    bench.run(0.2)
    bench.run(SETTINGS.joints_timeout_s + 0.1, measured=False)
    assert "joint states are silent" in bench.follower.reason


def test_an_arm_that_does_not_follow_is_not_pulled(bench: Bench) -> None:
    bench.accept(bench.plan((0.0, 0.03, 0.0)))
    bench.run(0.2)
    bench.follower.measure(bench.joints + 0.5, bench.now_s)
    bench.follower.step(bench.now_s, bench.now_s)
    assert "does not follow" in bench.follower.reason


def test_moves_on_after_a_hold(bench: Bench) -> None:
    bench.accept(bench.plan((0.0, 0.03, 0.0)))
    bench.run(1.5)
    assert bench.follower.reason
    bench.accept(bench.plan((0.0, -0.03, 0.0)))
    bench.run(0.1)
    assert bench.follower.reason == ""


def test_ahead_is_what_it_will_do_and_then_the_stop(bench: Bench) -> None:
    assert bench.follower.ahead(bench.now_s, 0.3, 0.04) == []
    bench.accept(bench.plan((0.0, 0.03, 0.0)))
    bench.run(0.2)
    ahead, start = bench.follower.ahead(bench.now_s, 0.3, SETTINGS.tick_s), len(bench.commands)
    assert ahead[-1].is_at_rest and np.all(np.abs(ahead[0].velocity) <= bench.limits.velocity)
    bench.run(0.29)
    for expected, command in zip(ahead, bench.commands[start:], strict=False):
        np.testing.assert_allclose(command.position, expected.position, atol=1e-3)
    bench.accept(Plan(bench.now_s, np.empty(0), np.empty((0, 7)), np.empty(0)))
    bench.run(SETTINGS.tick_s)
    stop = bench.follower.ahead(bench.now_s, 10.0, SETTINGS.tick_s)
    assert stop[-1].is_at_rest and len(stop) < 50


def test_an_arm_that_is_commanded_by_velocity_is_led_from_where_it_is(bench: Bench) -> None:
    """Each tick the arm makes only half of the way that it was told; the follower must not run ahead of it."""
    bench.follower.tune(bench.limits, replace(SETTINGS, tracking="velocity"))
    goal = bench.arm.forward(bench.joints) + np.array([0.0, 0.06, 0.0, 0.0, 0.0, 0.0, 0.0])
    for _ in range(400):
        if round(bench.now_s / SETTINGS.tick_s) % 20 == 0:
            bench.accept(Plan(bench.now_s, np.array([0.2, 0.4]), np.repeat(goal[None], 2, axis=0), np.zeros(2)))
        bench.follower.measure(bench.joints, bench.now_s)
        motion = bench.follower.step(bench.now_s, bench.now_s)
        if motion is not None:
            np.testing.assert_allclose(motion.position, bench.joints, atol=0.03)
            bench.joints = bench.joints + 0.5 * SETTINGS.tick_s * motion.velocity
        bench.now_s += SETTINGS.tick_s
    assert pose_distance(bench.arm.forward(bench.joints), goal) < 5e-3


def test_an_arm_that_is_commanded_by_pose_may_choose_its_joints(bench: Bench) -> None:
    bench.follower.tune(bench.limits, replace(SETTINGS, tracking="pose"))
    bench.accept(bench.plan((0.0, 0.03, 0.0)))
    bench.run(0.2)
    elbow = bench.joints + 0.5 * _idle_motion(bench)
    bench.follower.measure(elbow, bench.now_s)
    bench.follower.step(bench.now_s, bench.now_s)
    assert bench.follower.reason == ""
    bench.follower.measure(bench.joints + 0.5, bench.now_s)
    bench.follower.step(bench.now_s, bench.now_s)
    assert "does not follow" in bench.follower.reason


def _idle_motion(bench: Bench) -> np.ndarray:
    """A direction (7,) of joint motion, largest entry 1, in which the hand stays where it is."""
    here = bench.arm.forward(bench.joints)
    steps = 1e-6 * np.eye(7)
    jacobian = np.array([pose_change(here, bench.arm.forward(bench.joints + step)) / 1e-6 for step in steps]).T
    idle = np.linalg.svd(jacobian)[2][-1]
    return idle / np.max(np.abs(idle))


def test_a_lower_speed_holds_from_the_next_tick_on(bench: Bench) -> None:
    slow = MotionLimits(0.05 * bench.limits.velocity, bench.limits.acceleration, bench.limits.jerk)
    bench.accept(bench.plan((0.0, 0.03, 0.0)))
    bench.run(0.2)
    bench.follower.tune(slow, replace(SETTINGS, speed=0.05))
    bench.run(0.2)
    assert np.all(np.abs(bench.commands[-1].velocity) <= slow.velocity + 1e-9)


def test_after_a_reset_it_begins_where_the_arm_is_now(bench: Bench) -> None:
    """Somebody moved the arm while the follower was not asked: the next command must not be the old one."""
    bench.accept(bench.plan((0.0, 0.03, 0.0)))
    bench.run(0.2)
    bench.follower.reset()
    assert bench.follower.step(bench.now_s, bench.now_s) is None
    assert bench.follower.reason == "no joint states yet"
    bench.joints = bench.joints + 0.1
    bench.run(0.02)
    bench.accept(bench.plan((0.0, 0.03, 0.0)))
    before, held = len(bench.commands), bench.joints
    bench.run(0.1)
    np.testing.assert_allclose(bench.commands[before].position, held, atol=1e-3)
    assert bench.follower.reason == ""
