"""What the arm really does: the simulator's joint states, the commands that reach it, and the limits it broke."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from robot_wm.errors import RobotWmError
from ros_nodes.chaos.pace import Pace
from ros_nodes.chaos.tap import Tap
from ros_nodes.conversions import seconds
from ros_nodes.diagnostics import read_values
from ros_nodes.qos import LATCHED, LATEST
from ros_nodes.robot_config import RobotConfig
from ros_nodes.urdf import Urdf

AT_REST, MOVING = 0.02, 0.04
"""Joint velocities, rad/s, under which the arm rests and over which it moves."""

_MOST_WORDS = 100
"""So many different broken limits are kept in words."""


class ChaosError(RobotWmError):
    """The system under test does not come to the state that a fault is injected in."""


class Observer:
    """A node of its own that spins in a thread while the context is entered.

    Args:
        domain: ROS_DOMAIN_ID of the system under test.
        robot: Its robot.
        sim_time: Whether it runs on simulated time, whose stamps are too coarse to tell how fast commands lead.

    Attributes:
        tap: What stands between simulator and nodes.
        bad_commands: Commands to the robot that hold numbers that are not finite, or break a limit of the URDF: its
            positions, its velocities, or where they ask it to be faster than it may go from one to the next.
        health: Diagnostics by node.
        seen_broken: What the simulator said of limits that were broken, in words, each once.
        called_s: When the last service was called, monotonic.
    """

    def __init__(self, domain: int, robot: RobotConfig, *, sim_time: bool = False) -> None:
        self._domain, self._names = domain, list(robot.joints)
        joints = Urdf.parse(robot.description.urdf(), robot.name).joints
        self._low = np.array([joints[name].lower for name in robot.joints])
        self._high = np.array([joints[name].upper for name in robot.joints])
        self._fastest = np.array([joints[name].velocity for name in robot.joints])
        self._pace = None if sim_time else Pace(self._fastest)
        self._command_topic = robot.command.endpoint.name
        self.bad_commands, self.commands = 0, deque[tuple[float, np.ndarray]](maxlen=4000)
        self.speeds = deque[tuple[float, np.ndarray]](maxlen=4000)
        self.health: dict[str, dict[str, str]] = {}
        self.seen_broken: dict[str, None] = {}
        self.safety: dict[str, str] = {}
        self.goal: Image | None = None
        self.called_s = 0.0

    def __enter__(self) -> Observer:
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=self._domain)
        self.node = node = rclpy.create_node("chaos", context=self._context)
        self.tap = Tap(node)
        node.create_subscription(JointState, "joint_states", self._on_joints, LATEST)
        node.create_subscription(JointTrajectory, self._command_topic, self._on_command, LATEST)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_health, 20)
        node.create_subscription(DiagnosticArray, "safety/state", self._on_safety, LATCHED)
        node.create_subscription(Image, "sim/goal_image", self._on_goal, LATCHED)
        self.goals = node.create_publisher(Image, "goal/image", LATCHED)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(node)
        self._closing = False
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        return self

    def _spin(self) -> None:
        while not self._closing:
            self._executor.spin_once(timeout_sec=0.1)

    def __exit__(self, *_: object) -> None:
        self._closing = True
        self._thread.join(timeout=5.0)
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    def _on_joints(self, message: JointState) -> None:
        index = [list(message.name).index(name) for name in self._names]
        self.speeds.append((time.monotonic(), np.abs(np.array(message.velocity)[index])))

    def _on_command(self, message: JointTrajectory) -> None:
        due_s = seconds(message.header.stamp) + seconds(message.points[0].time_from_start)
        if self._pace is not None and not self._pace.is_kept(due_s, np.array(message.points[0].positions)):
            self.bad_commands += 1
        for point in message.points:
            position, velocity = np.array(point.positions), np.array(point.velocities)
            good = position.shape == velocity.shape == self._low.shape
            good = good and bool(np.all(np.isfinite(position)) and np.all(np.isfinite(velocity)))
            good = good and bool(np.all(position >= self._low - 1e-6) and np.all(position <= self._high + 1e-6))
            self.bad_commands += not (good and bool(np.all(np.abs(velocity) <= self._fastest + 1e-6)))
        self.commands.append((time.monotonic(), np.array(message.points[0].velocities)))

    def _on_health(self, message: DiagnosticArray) -> None:
        for entry in message.status:
            self.health[entry.name] = (read_values(message, entry.name) or {}) | {"heard_s": str(time.monotonic())}
        last = self.health.get("sim_node", {}).get("last_broken", "")
        if last and len(self.seen_broken) < _MOST_WORDS:
            self.seen_broken[last] = None

    def _on_safety(self, message: DiagnosticArray) -> None:
        self.safety = read_values(message, "safety") or {}

    def _on_goal(self, message: Image) -> None:
        self.goal = message

    @property
    def state(self) -> str:
        """What safety says: following, holding or stopped."""
        return self.safety.get("message", "")

    def broken(self) -> dict[str, int]:
        """Ticks in which the simulator saw a limit broken, by limit."""
        sim = self.health.get("sim_node", {})
        return {key.removeprefix("broken."): int(value) for key, value in sim.items() if key.startswith("broken.")}

    def limited_by_drives(self) -> int:
        """Ticks in which the simulated drives had to spread a command that came late over time."""
        return int(self.health.get("sim_node", {}).get("limited_by_drives", 0))

    def is_at_rest(self) -> bool:
        """Whether the arm has stood still for a tenth of a second."""
        since_s = time.monotonic() - 0.1
        recent = [speed for at_s, speed in list(self.speeds) if at_s >= since_s]
        return len(recent) > 2 and bool(np.max(recent) < AT_REST)

    def is_moving(self) -> bool:
        """Whether the arm moves at this moment."""
        return bool(self.speeds) and bool(np.max(self.speeds[-1][1]) > MOVING)

    def rested_at(self, since_s: float, timeout_s: float) -> float:
        """Waits until the arm rests; returns when that began, seconds after the monotonic `since_s`; inf if never."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if self.is_at_rest():
                moving = [at_s for at_s, speed in list(self.speeds) if np.max(speed) >= AT_REST and at_s > since_s]
                return (moving[-1] - since_s) if moving else 0.0
            time.sleep(0.01)
        return float("inf")

    def fastest_since(self, since_s: float) -> float:
        """Highest joint velocity since a monotonic time, rad/s."""
        return max((float(np.max(speed)) for at_s, speed in list(self.speeds) if at_s >= since_s), default=0.0)

    def until(self, condition: Callable[[], Any], timeout_s: float, otherwise: str) -> None:
        """Waits for a condition; ChaosError after the deadline."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                raise ChaosError(f"{otherwise} (waited {timeout_s:.0f} s); safety says {self.safety}")
            time.sleep(0.005)

    def call(self, name: str, timeout_s: float = 5.0) -> Trigger.Response:
        """Calls a Trigger service; ChaosError without an answer."""
        client = self.node.create_client(Trigger, name)
        try:
            if not client.wait_for_service(timeout_sec=timeout_s):
                raise ChaosError(f"nobody offers {name}")
            self.called_s = time.monotonic()
            future = client.call_async(Trigger.Request())
            self.until(future.done, timeout_s, f"{name} did not answer")
            return future.result()
        finally:
            self.node.destroy_client(client)
