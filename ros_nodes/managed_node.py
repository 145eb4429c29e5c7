"""What the nodes share: lifecycle with clear errors, described parameters, diagnostics, guarded callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile

from robot_wm.errors import RobotWmError
from ros_nodes.described_parameters import Change, DescribedParameters
from ros_nodes.diagnostics import Meter
from ros_nodes.health import Health

__all__ = ["Change", "ManagedNode"]

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR


class ManagedNode(LifecycleNode):
    """A lifecycle node whose subclass says what to make (`on_setup`) and what to do when it starts and stops.

    A RobotWmError in `on_setup` is logged and leaves the node unconfigured, one in `on_start` leaves it inactive; any
    other exception there cleans the node up. Exceptions in callbacks are logged and shown in the diagnostics. The
    process stays up in every case. The default callback group belongs to lifecycle and parameter services alone, so
    that no flood of messages delays them.

    Attributes:
        is_active: Whether callbacks should act.
        stage: Primary lifecycle state, as diagnostics show it.
        hardware: Name of the robot, for the diagnostics.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.is_active = False
        self.stage = "unconfigured"
        self.hardware = ""
        self._release: list[Callable[[], Any]] = []
        self._described = DescribedParameters(self)
        self._health = Health(self, DiagnosticStatus.WARN, "unconfigured")
        self.parameter("autostart", False, "Configure and activate at start.", change=Change.AT_START)
        self.parameter("diagnostics_rate", 1.0, "Diagnostics a second.", 0.1, 10.0)
        self._repeat(
            lambda: 1.0 / self.get_parameter("diagnostics_rate").value,
            lambda: self._health.publish(self.hardware, {"lifecycle": self.stage} | self.details()),
            MutuallyExclusiveCallbackGroup(),
            None,
        )

    def on_setup(self) -> None:
        """Makes everything that the node needs; raises RobotWmError when it cannot."""
        raise NotImplementedError

    def on_start(self) -> None:
        """Called when the node becomes active; raises RobotWmError when it cannot."""

    def on_stop(self) -> None:
        """Called when the node stops being active, while its publishers still publish."""

    def details(self) -> dict[str, str]:
        """Further key-value pairs for the diagnostics."""
        return {}

    def parameter(
        self,
        name: str,
        default: Any,
        description: str,
        low: float | None = None,
        high: float | None = None,
        change: Change = Change.ANY_TIME,
    ) -> Any:
        """Declares a parameter with its description, range and rule for changes, and returns its value."""
        return self._described.declare(name, default, description, low, high, change)

    def meter(self, name: str) -> Meter:
        """The meter of that name, shown in the diagnostics."""
        return self._health.meter(name)

    def report(self, level: bytes, message: str, details: str = "") -> None:
        """Sets level and message of the diagnostics while active, and logs a change of message, or its `details`."""
        if self.is_active:
            self._health.report(level, message, details)

    def callback_failed(self, what: str, error: Exception) -> None:
        """Logs an exception of a callback and shows it in the diagnostics."""
        self._health.failed(what, error, quiet_s=2.0)

    def listen(
        self, kind: type, topic: str, callback: Callable, qos: QoSProfile, group: CallbackGroup | None = None
    ) -> None:
        """Subscribes until clean-up; messages that arrive while the node is not active are not passed on.

        Latched messages are passed on at any time: they come once, and hold until another comes. Without a `group` the
        subscription gets one of its own.
        """
        is_latched = qos.durability == DurabilityPolicy.TRANSIENT_LOCAL

        def when_active(message: Any) -> None:
            if self.is_active or is_latched:
                self._guarded(f"{topic}: message not handled", callback, message)

        own = group or MutuallyExclusiveCallbackGroup()
        subscription = self.create_subscription(kind, topic, when_active, qos, callback_group=own)
        self._release.append(lambda: self.destroy_subscription(subscription))

    def advertise(self, kind: type, topic: str, qos: QoSProfile) -> Any:
        """A publisher that publishes while the node is active, until clean-up."""
        publisher = self.create_lifecycle_publisher(kind, topic, qos)
        self._release.append(lambda: self.destroy_lifecycle_publisher(publisher))
        return publisher

    def offer(self, kind: type, name: str, callback: Callable, group: CallbackGroup | None = None) -> None:
        """A service until clean-up; an exception in the callback is answered with the empty response."""

        def answer(request: Any, response: Any) -> Any:
            return self._guarded(f"{name}: call not handled", callback, request, response) or response

        service = self.create_service(kind, name, answer, callback_group=group or MutuallyExclusiveCallbackGroup())
        self._release.append(lambda: self.destroy_service(service))

    def every(
        self,
        period_s: float | Callable[[], float],
        callback: Callable,
        group: CallbackGroup | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Calls back periodically while the node is active, until clean-up; on the steady clock if none is given.

        A function as the period is asked after each call, so that a rate can be a parameter.
        """

        def when_active() -> None:
            if self.is_active:
                callback()

        timer = self._repeat(period_s, when_active, group or MutuallyExclusiveCallbackGroup(), clock)
        self._release.append(lambda: self.destroy_timer(timer))

    def _repeat(
        self, period_s: float | Callable[[], float], callback: Callable, group: CallbackGroup, clock: Clock | None
    ) -> Any:
        period = period_s if callable(period_s) else lambda: period_s

        def tick() -> None:
            self._guarded("a timer's callback failed", callback)
            wanted_ns = round(period() * 1e9)
            if timer.timer_period_ns != wanted_ns:
                timer.timer_period_ns = wanted_ns

        clock = clock or Clock(clock_type=ClockType.STEADY_TIME)
        timer = self.create_timer(period(), tick, callback_group=group, clock=clock)
        return timer

    def _guarded(self, what: str, callback: Callable, *arguments: Any) -> Any:
        try:
            return callback(*arguments)
        except Exception as error:
            self.callback_failed(what, error)
            return None

    def now_s(self) -> float:
        """ROS time in seconds."""
        return self.get_clock().now().nanoseconds * 1e-9

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self.on_setup()
        except Exception as error:
            self._release_all()
            self._health.failed("cannot configure", error)
            return FAILURE if isinstance(error, RobotWmError) else ERROR
        self._described.freeze()
        self._enter("inactive")
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        try:
            self._enter("active", DiagnosticStatus.OK)
            self.is_active = True
            self.on_start()
        except Exception as error:
            self.is_active = False
            super().on_deactivate(state)
            self._enter("inactive")
            self._health.failed("cannot activate", error)
            return FAILURE if isinstance(error, RobotWmError) else ERROR
        self.get_logger().info("active")
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self.on_stop()
        except Exception as error:
            self._health.failed("cannot deactivate in good order", error)
            return ERROR
        finally:
            self.is_active = False
        self._enter("inactive")
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._release_all()
        self._enter("unconfigured")
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self.is_active:
            self._guarded("cannot stop in good order", self.on_stop)
        self.is_active = False
        self._release_all()
        self._enter("finalized")
        return SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """After an exception in a transition everything is released, and the node can be configured again."""
        self.is_active = False
        self._release_all()
        self.stage = "unconfigured"
        self.get_logger().error(f"{self._health.message}; the node is unconfigured now")
        return SUCCESS

    def _enter(self, stage: str, level: bytes = DiagnosticStatus.WARN) -> None:
        self.stage = stage
        self._health.set(level, stage)

    def begin(self) -> None:
        """Says which given parameters are unknown; configures and activates the node where `autostart` says so."""
        self._described.warn_about_unknown()
        if self.get_parameter("autostart").value:
            self._autostart()

    def _autostart(self) -> None:
        name = self.get_fully_qualified_name()
        for transition, trigger in (("configure", self.trigger_configure), ("activate", self.trigger_activate)):
            if trigger() != SUCCESS:
                self.get_logger().error(f"stays {self.stage}; mend it, then: ros2 lifecycle set {name} {transition}")
                return

    def end(self) -> None:
        """Stops and finalizes the node."""
        if self.stage != "finalized":
            self.trigger_shutdown()

    def _release_all(self) -> None:
        self._described.thaw()
        while self._release:
            self._guarded("clean-up failed", self._release.pop())
