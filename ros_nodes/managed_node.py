"""What the nodes share: lifecycle with clear errors, described parameters, diagnostics, and how a process runs one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile

from robot_wm.errors import RobotWmError
from ros_nodes.diagnostics import Meter, status


class ManagedNode(LifecycleNode):
    """A lifecycle node whose subclass says what to make (`on_setup`) and what to do when it starts and stops.

    A RobotWmError in `on_setup` is logged and leaves the node unconfigured; the process stays up.

    Attributes:
        is_active: Whether callbacks should act.
        stage: Primary lifecycle state, as diagnostics show it.
        hardware: Name of the robot, for the diagnostics.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.is_active = False
        self.stage = "unconfigured"
        self._health: tuple[bytes, str] = (DiagnosticStatus.WARN, "unconfigured")
        self._meters: dict[str, Meter] = {}
        self._release: list[Callable[[], Any]] = []
        self.hardware = ""
        self.parameter("autostart", False, "Configure and activate at start, without a lifecycle manager.")
        self.parameter("diagnostics_rate", 1.0, "Diagnostics a second.", 0.1, 10.0)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        period_s = 1.0 / self.get_parameter("diagnostics_rate").value
        self.create_timer(period_s, self._publish_diagnostics, callback_group=MutuallyExclusiveCallbackGroup())

    def on_setup(self) -> None:
        """Makes everything that the node needs; raises RobotWmError when it cannot."""
        raise NotImplementedError

    def on_start(self) -> None:
        """Called when the node becomes active."""

    def on_stop(self) -> None:
        """Called when the node stops being active."""

    def parameter(
        self, name: str, default: Any, description: str, low: float | None = None, high: float | None = None
    ) -> Any:
        """Declares a parameter with its description and range, and returns its value."""
        descriptor = ParameterDescriptor(description=description)
        if low is not None and high is not None:
            if isinstance(default, int):
                descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=0)]
            else:
                descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high, step=0.0)]
        return self.declare_parameter(name, default, descriptor).value

    def meter(self, name: str) -> Meter:
        """The meter of that name, shown in the diagnostics."""
        return self._meters.setdefault(name, Meter(name))

    def report(self, level: bytes, message: str, details: str = "") -> None:
        """Sets level and message of the diagnostics while active, and logs a change of message, or its `details`."""
        if (level, message) == self._health:
            return
        self._health = (level, message)
        if level == DiagnosticStatus.OK:
            self.get_logger().info(details or message)
        else:
            self.get_logger().warning(details or message)

    def details(self) -> dict[str, str]:
        """Further key-value pairs for the diagnostics."""
        return {}

    def listen(
        self, kind: type, topic: str, callback: Callable, qos: QoSProfile, group: CallbackGroup | None = None
    ) -> None:
        """Subscribes until clean-up; messages that arrive while the node is not active are not passed on."""

        def when_active(message: Any) -> None:
            if self.is_active:
                callback(message)

        subscription = self.create_subscription(kind, topic, when_active, qos, callback_group=group)
        self._release.append(lambda: self.destroy_subscription(subscription))

    def advertise(self, kind: type, topic: str, qos: QoSProfile) -> Any:
        """A publisher that publishes while the node is active, until clean-up."""
        publisher = self.create_lifecycle_publisher(kind, topic, qos)
        self._release.append(lambda: self.destroy_lifecycle_publisher(publisher))
        return publisher

    def offer(self, kind: type, name: str, callback: Callable, group: CallbackGroup | None = None) -> None:
        """A service until clean-up."""
        service = self.create_service(kind, name, callback, callback_group=group)
        self._release.append(lambda: self.destroy_service(service))

    def every(self, period_s: float, callback: Callable, group: CallbackGroup, clock: Any = None) -> None:
        """Calls back periodically while the node is active, until clean-up."""

        def when_active() -> None:
            if self.is_active:
                callback()

        timer = self.create_timer(period_s, when_active, callback_group=group, clock=clock)
        self._release.append(lambda: self.destroy_timer(timer))

    def now_s(self) -> float:
        """ROS time in seconds."""
        return self.get_clock().now().nanoseconds * 1e-9

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self.on_setup()
        except RobotWmError as error:
            self._release_all()
            self._health = (DiagnosticStatus.ERROR, f"cannot configure: {error}")
            self.get_logger().error(f"cannot configure: {error}")
            return TransitionCallbackReturn.FAILURE
        self.stage, self._health = "inactive", (DiagnosticStatus.WARN, "inactive")
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        self.stage, self._health, self.is_active = "active", (DiagnosticStatus.OK, "active"), True
        self.on_start()
        self.get_logger().info("active")
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.on_stop()
        self.stage, self._health, self.is_active = "inactive", (DiagnosticStatus.WARN, "inactive"), False
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._release_all()
        self.stage, self._health = "unconfigured", (DiagnosticStatus.WARN, "unconfigured")
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self.is_active:
            self.on_stop()
        self.is_active = False
        self._release_all()
        self.stage, self._health = "finalized", (DiagnosticStatus.WARN, "finalized")
        return TransitionCallbackReturn.SUCCESS

    def autostart(self) -> None:
        """Configures and activates the node when its parameter `autostart` says so."""
        if not self.get_parameter("autostart").value:
            return
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()
        else:
            self.get_logger().error(
                f"stays unconfigured; mend it, then: ros2 lifecycle set {self.get_name()} configure"
            )

    def _release_all(self) -> None:
        for release in reversed(self._release):
            release()
        self._release.clear()

    def _publish_diagnostics(self) -> None:
        level, message = self._health
        values = {"lifecycle": self.stage, "monotonic_s": f"{time.monotonic():.3f}"} | self.details()
        for meter in list(self._meters.values()):
            values |= meter.values()
        name = self.get_fully_qualified_name().lstrip("/")
        array = DiagnosticArray(status=[status(name, self.hardware, level, message, values)])
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)


def run(node_type: Callable[[], ManagedNode], args: Sequence[str] | None = None, threads: int = 3) -> int:
    """Runs one node until SIGINT or SIGTERM; returns the exit code of its process."""
    rclpy.init(args=args)
    node = node_type()
    executor = MultiThreadedExecutor(num_threads=threads)
    executor.add_node(node)
    try:
        node.autostart()
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
    return 0
