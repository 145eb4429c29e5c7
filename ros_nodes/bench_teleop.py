"""How long a person's pose takes to the joint command that moves the arm, with all nodes in between as processes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rclpy
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory

from robot_wm.errors import RobotWmError
from robot_wm.statistics import percentiles
from ros_nodes.conversions import joints_from
from ros_nodes.demo import launch_file
from ros_nodes.qos import LATEST, SENSOR
from ros_nodes.robot_config import RobotConfig
from ros_nodes.teleop_browser import DEADMAN, POSE

STEP_M = 0.02
_MOVES_RAD_S, _REST_S = 1e-3, 0.3
_START_S, _RESEND_S = 60.0, 0.05


class BenchError(RobotWmError):
    """The system did not start, or the arm did not answer."""


def run(repeats: int = 50) -> dict[str, dict[str, float]]:
    """Moves the wanted pose by 2 cm to and fro, each time from rest.

    Returns:
        Milliseconds from the publication of the pose to the arrival of the first command on the simulated arm's own
        topic, past safety_node, in which a joint moves by more than 0.001 rad/s.
    """
    domain = random.SystemRandom().randrange(1, 100)
    context = rclpy.Context()
    rclpy.init(context=context, args=[], domain_id=domain)
    with tempfile.TemporaryDirectory() as place, _system(Path(place) / "launch.log", domain):
        hand = _Hand(context)
        try:
            values = hand.measure(repeats)
        except BenchError as error:
            raise BenchError(f"{error}; the nodes said: {(Path(place) / 'launch.log').read_text()[-2000:]}") from error
        finally:
            hand.close()
            rclpy.try_shutdown(context=context)
    return {"pose_to_command_ms": percentiles(values) | {"max": max(values), "poses": float(len(values))}}


@contextmanager
def _system(log: Path, domain: int) -> Iterator[None]:
    """sim.launch.xml with teleop_node."""
    command = [sys.executable, "-m", "robot_wm.cli", "launch", str(launch_file("sim.launch.xml")), "teleop:=pose"]
    environment = os.environ | {"ROS_DOMAIN_ID": str(domain), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as out:
        launch = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        launch.send_signal(signal.SIGINT)
        try:
            launch.wait(30.0)
        except subprocess.TimeoutExpired:
            launch.kill()
            launch.wait(5.0)


class _Hand:
    """Holds the dead-man switch and moves the wanted pose, as the browser does."""

    def __init__(self, context: rclpy.Context) -> None:
        self._robot = RobotConfig.load("panda_sim")
        self._node = rclpy.create_node("teleop_bench", context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._node)
        self._pose: np.ndarray | None = None
        self._joints: JointState | None = None
        self._moved_s = self._sent_s = -np.inf
        self._poses = self._node.create_publisher(PoseStamped, POSE, LATEST)
        self._deadman = self._node.create_publisher(Bool, DEADMAN, LATEST)
        command = self._robot.command.endpoint.name
        self._node.create_subscription(JointTrajectory, command, self._on_command, LATEST)
        self._node.create_subscription(JointState, self._robot.topics.joint_states, self._on_joints, SENSOR)

    def measure(self, repeats: int) -> list[float]:
        """Milliseconds, one for each pose; the first two poses do not count."""
        self._until(lambda: self._joints is not None and self._poses.get_subscription_count() > 0, _START_S, "joints")
        assert self._joints is not None
        arm = self._robot.arm()
        middle = arm.forward(joints_from(self._joints, self._robot.joints, self._robot.topics.joint_states))
        self._pose = middle
        return [self._time_one(middle, number % 2 - 0.5) for number in range(repeats + 2)][2:]

    def _time_one(self, middle: np.ndarray, side: float) -> float:
        self._until(lambda: time.monotonic() - self._moved_s > _REST_S, _START_S, "rest")
        self._pose = middle + np.array([0.0, STEP_M * side, *[0.0] * 5])
        began_s = time.monotonic()
        self._send()
        self._until(lambda: self._moved_s > began_s, _START_S, "command that moves the arm")
        answered_s = self._moved_s
        self._until(lambda: time.monotonic() - began_s > _REST_S, _START_S, "time")
        return 1e3 * (answered_s - began_s)

    def close(self) -> None:
        """Lets go."""
        self._deadman.publish(Bool(data=False))
        self._executor.shutdown()
        self._node.destroy_node()

    def _send(self) -> None:
        assert self._pose is not None
        x, y, z, qx, qy, qz, qw = self._pose.tolist()
        message = PoseStamped(pose=Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw)))
        message.header.stamp, message.header.frame_id = self._node.get_clock().now().to_msg(), self._robot.base_frame
        self._poses.publish(message)
        self._deadman.publish(Bool(data=True))
        self._sent_s = time.monotonic()

    def _on_command(self, message: JointTrajectory) -> None:
        if max(map(abs, message.points[0].velocities)) > _MOVES_RAD_S:
            self._moved_s = max(self._moved_s, time.monotonic())

    def _on_joints(self, message: JointState) -> None:
        self._joints = message

    def _until(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Spins, and goes on holding the switch, until the condition holds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise BenchError(f"no {what} within {timeout_s:g} s")
            if self._pose is not None and time.monotonic() - self._sent_s >= _RESEND_S:
                self._send()
            self._executor.spin_once(timeout_sec=0.005)
