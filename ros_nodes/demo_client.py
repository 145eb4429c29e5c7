"""The operator's side of a demonstration: sets up tasks, sends goals, starts and stops the planner, watches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image
from std_msgs.msg import Float32MultiArray, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import MultiDOFJointTrajectory

from robot_wm.errors import RobotWmError
from ros_nodes.conversions import seconds
from ros_nodes.diagnostics import NODES, read_values
from ros_nodes.qos import LATCHED, LATEST, SENSOR


class DemoError(RobotWmError):
    """The demonstration cannot go on: a node does not start, answer or see what it needs."""


@dataclass(frozen=True)
class Frame:
    """One moment of the demonstration: overview uint8 (H, W, 3) and the summed energy of the newest plan."""

    overview: np.ndarray
    energy: float | None
    task: str


@dataclass
class View:
    """What was last seen; replaced as a whole by callbacks, so that readers need no lock."""

    health: dict[str, dict[str, str]] = field(default_factory=dict)
    task: dict[str, str] = field(default_factory=dict)
    task_name: str = ""
    goal: Image | None = None
    energy: float | None = None
    plans: int = 0


class DemoClient:
    """An rclpy node that spins in a thread of its own while the context is entered."""

    def __init__(self) -> None:
        self.view = View()
        self.frames: list[Frame] = []
        self.recording = False
        self.stops: list[str] = []

    def __enter__(self) -> DemoClient:
        rclpy.init()
        self._node = node = rclpy.create_node("demo_client")
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 20)
        node.create_subscription(DiagnosticArray, "sim/task_state", self._on_task, LATEST)
        node.create_subscription(Image, "sim/goal_image", self._on_goal, LATCHED)
        node.create_subscription(Image, "overview/image_raw", self._on_overview, SENSOR)
        node.create_subscription(Float32MultiArray, "planner/energy", self._on_energy, LATEST)
        node.create_subscription(MultiDOFJointTrajectory, "planner/plan", self._on_plan, LATEST)
        self._goals = node.create_publisher(Image, "goal/image", LATCHED)
        self._tasks = node.create_publisher(String, "sim/task", LATCHED)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._closing = False
        self._thread.start()
        return self

    def _spin(self) -> None:
        while not self._closing:
            self._executor.spin_once(timeout_sec=0.1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._thread.join(timeout=5.0)
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown()

    def wait_until(self, condition: Callable[[], bool], timeout_s: float, otherwise: str) -> None:
        """Returns when `condition` holds; raises DemoError(otherwise) after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise DemoError(f"{otherwise} (waited {timeout_s:.0f} s)")
            time.sleep(0.02)

    def is_active(self, node: str) -> bool:
        """Whether a node's diagnostics say that it is active."""
        return self.view.health.get(node, {}).get("lifecycle") == "active"

    def set_up(self, task: str, seed: int) -> None:
        """Stops the planner, sets up a task in the simulation and makes its goal image the planner's goal.

        Where safety_node has stopped the arm, the reason joins `stops` and the stop ends: the scene is a new one.
        """
        self.trigger("planner/stop")
        was = self.trigger("safety/reset")
        if was.startswith("was stopped"):
            self.stops.append(was)
        before = self.view.goal
        self._tasks.publish(String(data=f"{task} {seed}"))
        self.wait_until(lambda: self.view.goal is not before, 10.0, "sim/goal_image: no goal image after sim/task")
        self.wait_until(
            lambda: self.view.task_name == task and self.view.task.get("seed") == str(seed),
            10.0,
            f"sim/task_state: the task did not become {task} with seed {seed}",
        )
        self.send_goal()

    def send_goal(self) -> None:
        """Sends the task's goal image on goal/image, and waits until the planner says that it has it."""
        goal = self.view.goal
        assert goal is not None
        goal.header.stamp = self._node.get_clock().now().to_msg()
        self._goals.publish(goal)
        stamp = f"{seconds(goal.header.stamp):.6f}"
        self.wait_until(
            lambda: self.view.health.get("planner_node", {}).get("goal_stamp_s") == stamp,
            10.0,
            "goal/image: planner_node did not take the goal; its message is "
            f"'{self.view.health.get('planner_node', {}).get('message', 'missing')}'",
        )

    def trigger(self, name: str) -> str:
        """Calls a Trigger service and returns its message; DemoError when it fails or does not answer."""
        response = self._call(Trigger, name, Trigger.Request())
        if not response.success:
            raise DemoError(f"{name}: {response.message}")
        return response.message

    def _call(self, kind: Any, name: str, request: Any, timeout_s: float = 10.0) -> Any:
        client = self._node.create_client(kind, name)
        try:
            if not client.wait_for_service(timeout_sec=timeout_s):
                raise DemoError(f"{name}: nobody offers this service; is the node running? see `robot-wm doctor`")
            done, future = threading.Event(), client.call_async(request)
            future.add_done_callback(lambda _: done.set())
            if not done.wait(timeout_s):
                raise DemoError(f"{name}: no answer within {timeout_s:.0f} s")
            return future.result()
        finally:
            self._node.destroy_client(client)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for node in NODES:
            values = read_values(message, node)
            if values is not None:
                self.view.health[node] = values

    def _on_task(self, message: DiagnosticArray) -> None:
        self.view.task_name = message.status[0].name
        self.view.task = read_values(message, self.view.task_name) or {}

    def _on_goal(self, message: Image) -> None:
        self.view.goal = message

    def _on_energy(self, message: Float32MultiArray) -> None:
        self.view.energy = float(np.sum(message.data))

    def _on_plan(self, message: MultiDOFJointTrajectory) -> None:
        self.view.plans += len(message.points) > 0

    def _on_overview(self, message: Image) -> None:
        if self.recording:
            pixels = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3).copy()
            self.frames.append(Frame(pixels, self.view.energy, self.view.task_name))
