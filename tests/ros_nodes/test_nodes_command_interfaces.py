"""safety_node by actions, by twists and by poses: the arm follows the plan and comes to rest when it goes stale."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("pybullet")
pytest.importorskip("pinocchio")

from geometry_msgs.msg import PoseStamped, TwistStamped
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from ros_nodes.conversions import Plan, joints_from, plan_to_message, seconds
from ros_nodes.qos import LATEST
from ros_nodes.robot_config import ROBOTS, RobotConfig

ROBOT = RobotConfig.load("panda_sim")
STEPS = 4


def robot_file(folder: Path, command: dict, **gripper: Any) -> Path:
    """The simulated Panda with another command interface and, where it is given, another gripper interface."""
    plain = yaml.safe_load((ROBOTS / "panda_sim.yaml").read_text())
    plain["command"] = command
    if gripper:
        del plain["gripper"]["topic"]
        plain["gripper"] |= gripper
    path = folder / "robot.yaml"
    path.write_text(yaml.safe_dump(plain))
    return path


class Planner:
    """Sends chunks from where the joint states say that the arm is."""

    def __init__(self, peer: Any) -> None:
        self._peer, self.arm = peer, ROBOT.arm()
        self.states = peer.watch(JointState, "joint_states", LATEST)
        self._plans = peer.node.create_publisher(MultiDOFJointTrajectory, "planner/plan", LATEST)

    def wait_for_system(self) -> None:
        self._peer.until(lambda: self.states and self._plans.get_subscription_count() > 0)

    def pose(self) -> np.ndarray:
        return self.arm.forward(joints_from(self.states[-1][1], ROBOT.joints, "joint_states"))

    def send(self, offset: tuple[float, float, float], opening: float = 0.0) -> np.ndarray:
        """A chunk of equal displacements, as a planner would have made it 0.1 s ago; returns its last pose."""
        now = self._peer.node.get_clock().now()
        stamp = type(now)(nanoseconds=now.nanoseconds - 10**8, clock_type=now.clock_type).to_msg()
        poses = np.repeat(self.pose()[None], STEPS, axis=0)
        poses[:, :3] += np.arange(1, STEPS + 1)[:, None] * np.array(offset)
        plan = Plan(seconds(stamp), 0.2 * np.arange(1, STEPS + 1), poses, np.full(STEPS, opening))
        self._plans.publish(plan_to_message(plan, stamp, ROBOT.base_frame, ROBOT.ee_frame))
        return poses[-1]

    def lead(self, offset: tuple[float, float, float], opening: float = 0.0, what: Any = str) -> np.ndarray:
        """Plans anew five times a second until the arm has come 6 cm that way; returns the last plan's last pose."""
        start, way = self.pose()[:3], np.array(offset) / np.linalg.norm(offset)
        end, sent_at = start, -np.inf

        def has_come() -> bool:
            nonlocal end, sent_at
            if time.monotonic() - sent_at > 0.2:
                end, sent_at = self.send(offset, opening), time.monotonic()
            return bool(way @ (self.pose()[:3] - start) > 0.06)

        self._peer.until(has_come, what=what)
        return end


def test_by_actions(processes: Any, peer: Any, tmp_path: Path) -> None:
    command = {"interface": "joint_trajectory", "action": "joint_trajectory_controller/follow_joint_trajectory"}
    robot = robot_file(tmp_path, command, action="gripper_controller/gripper_cmd")
    planner, topic = Planner(peer), peer.watch(JointTrajectory, ROBOT.command.endpoint.name, LATEST)
    processes.start("sim_node", robot=robot, allow_nonzero_velocity_at_trajectory_end=False)
    _start_guarded(processes, robot)
    peer.until_active("sim_node", "safety_node", "controller_node", what=lambda: _log(processes))
    planner.wait_for_system()
    end = planner.lead((0.0, 0.0, 0.02), opening=1.0, what=lambda: _log(processes))
    peer.until_health("controller_node", "plan is stale")
    peer.until(lambda: _at_rest(planner), what=lambda: processes.log("sim_node"))
    assert planner.pose()[2] < end[2] + 0.005
    fingers = joints_from(planner.states[-1][1], ROBOT.gripper.joints, "joint_states")
    assert ROBOT.gripper.opening(fingers) > 0.9
    assert not topic and "refused" not in _log(processes) + processes.log("sim_node")


def _at_rest(planner: Planner) -> bool:
    """Whether the last ten joint states say the same."""
    recent = np.array([joints_from(message, ROBOT.joints, "") for _, message in planner.states[-10:]])
    return len(recent) == 10 and bool(np.max(np.ptp(recent, axis=0)) < 1e-3)


def test_without_the_driver_the_missing_action_is_named(processes: Any, peer: Any, tmp_path: Path) -> None:
    robot = robot_file(tmp_path, {"interface": "joint_trajectory", "action": "arm/follow"}, action="hand/grip")
    planner = Planner(peer)
    processes.start("sim_node")
    _start_guarded(processes, robot)
    peer.until_active("sim_node", "safety_node", "controller_node")
    planner.wait_for_system()
    for action in ("arm/follow", "hand/grip"):
        words = f"no action server {action}"
        peer.until(lambda words=words: planner.send((0.0, 0.0, 0.01), 1.0) is None or words in _log(processes))


def _start_guarded(processes: Any, robot: Path) -> None:
    processes.start("safety_node", robot=robot, watched="[controller_node]")
    processes.start("controller_node", robot=robot)


def _log(processes: Any) -> str:
    return processes.log("safety_node") + processes.log("controller_node")


class IdealArm:
    """An arm behind a Cartesian driver: does at once what it is told, and publishes its joints 100 times a second."""

    def __init__(self, peer: Any, interface: str) -> None:
        self._arm, self._joints = ROBOT.arm(), np.array(ROBOT.posture)
        self._lock, self._velocity, self._heard_at = threading.Lock(), np.zeros(7), -np.inf
        self.heard: list[Any] = []
        self._states = peer.node.create_publisher(JointState, "joint_states", LATEST)
        kind, callback = {
            "servo_twist": (TwistStamped, self._on_twist),
            "cartesian_pose": (PoseStamped, self._on_pose),
        }[interface]
        peer.node.create_subscription(kind, "command", callback, LATEST)
        peer.node.create_timer(0.01, lambda: self._publish(peer.node.get_clock().now().to_msg()))

    def _on_twist(self, message: TwistStamped) -> None:
        """As MoveIt Servo: the joints move with the twist that came last, for 0.2 s at most."""
        self.heard.append(message)
        linear, angular = message.twist.linear, message.twist.angular
        twist = np.array([linear.x, linear.y, linear.z, angular.x, angular.y, angular.z])
        pose = self._arm.forward(self._joints)
        target = pose.copy()
        target[:3] += 0.01 * twist[:3]
        assert np.linalg.norm(twist[3:]) < 0.2
        self._velocity, self._heard_at = self._arm.track(target, self._joints, 0.01), time.monotonic()

    def _on_pose(self, message: PoseStamped) -> None:
        self.heard.append(message)
        p, q = message.pose.position, message.pose.orientation
        pose = np.array([p.x, p.y, p.z, q.x, q.y, q.z, q.w])
        self._joints = self._arm.inverse(pose, self._joints, tolerance=1e-3)

    def _publish(self, stamp: Any) -> None:
        if time.monotonic() - self._heard_at < 0.2:
            self._joints = self._joints + 0.01 * self._velocity
        joints = [*self._joints.tolist(), 0.0, 0.0]
        message = JointState(name=[*ROBOT.joints, *ROBOT.gripper.joints], position=joints)
        message.header.stamp = stamp
        self._states.publish(message)


@pytest.fixture(params=["servo_twist", "cartesian_pose"])
def ideal_arm(request: pytest.FixtureRequest, processes: Any, peer: Any, tmp_path: Path) -> Iterator[IdealArm]:
    robot = robot_file(tmp_path, {"interface": request.param, "topic": "command"})
    arm = IdealArm(peer, request.param)
    _start_guarded(processes, robot)
    yield arm


def test_by_twist_and_by_pose(processes: Any, peer: Any, ideal_arm: IdealArm) -> None:
    planner = Planner(peer)
    peer.until_active("safety_node", "controller_node", what=lambda: _log(processes))
    planner.wait_for_system()
    start = planner.pose()
    end = planner.lead((0.0, 0.02, 0.0), what=lambda: _log(processes))
    peer.until_health("controller_node", "plan is stale", what=lambda: _log(processes))
    peer.until(lambda: _at_rest(planner))
    reached = planner.pose()
    assert start[1] + 0.06 < reached[1] < end[1] + 0.005
    np.testing.assert_allclose(reached[[0, 2]], start[[0, 2]], atol=5e-3)
    assert ideal_arm.heard[0].header.frame_id == ROBOT.base_frame
    if isinstance(ideal_arm.heard[0], TwistStamped):
        _assert_ends_with_zero_twists_and_silence(peer, ideal_arm)
    assert "does not follow" not in _log(processes)


def _assert_ends_with_zero_twists_and_silence(peer: Any, arm: IdealArm) -> None:
    zero = type(arm.heard[0].twist)()
    peer.until(lambda: arm.heard[-1].twist == zero)
    states = len(peer.received["joint_states"])
    peer.until(lambda: len(peer.received["joint_states"]) > states + 50)
    heard, states = len(arm.heard), len(peer.received["joint_states"])
    peer.until(lambda: len(peer.received["joint_states"]) > states + 20)
    assert len(arm.heard) == heard and arm.heard[-1].twist == zero
