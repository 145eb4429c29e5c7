"""What the nodes share: lifecycle with clear errors, described parameters, diagnostics, guarded callbacks."""

from __future__ import annotations

import math
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from robot_wm.errors import RobotWmError
from robot_wm.safety.heartbeat import PERIOD_S
from ros_nodes.described_parameters import Change, DescribedParameters
from ros_nodes.diagnostics import Meter
from ros_nodes.health import Health
from ros_nodes.heart import Heart
from ros_nodes.owned_entities import OwnedEntities

__all__ = ["Change", "ManagedNode"]

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR


class ManagedNode(OwnedEntities):
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
        self.stage = "unconfigured"
        self.hardware = ""
        self._described = DescribedParameters(self)
        self._health = Health(self, DiagnosticStatus.WARN, "unconfigured")
        self._heart, self._active_since_s = Heart(self), math.inf
        self.parameter("autostart", False, "Configure and activate at start.", change=Change.AT_START)
        self.parameter("diagnostics_rate", 1.0, "Diagnostics a second.", 0.1, 10.0)
        self.repeat(
            lambda: 1.0 / self.get_parameter("diagnostics_rate").value,
            lambda: self._health.publish(self.hardware, {"lifecycle": self.stage} | self.details()),
            MutuallyExclusiveCallbackGroup(),
            None,
        )
        self.repeat(PERIOD_S, self._beat, MutuallyExclusiveCallbackGroup(), None)

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
        self._health.failed(what, error, quiet_s=2.0)

    def now_s(self) -> float:
        """ROS time in seconds."""
        return self.get_clock().now().nanoseconds * 1e-9

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self.on_setup()
        except Exception as error:
            self._undo_setup()
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
        self._undo_setup()
        self._enter("unconfigured")
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self.is_active:
            self.guarded("cannot stop in good order", self.on_stop)
        self.is_active = False
        self._undo_setup()
        self._enter("finalized")
        return SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """After an exception in a transition everything is released, and the node can be configured again."""
        self.is_active = False
        self._undo_setup()
        self.stage = "unconfigured"
        self.get_logger().error(f"{self._health.message}; the node is unconfigured now")
        return SUCCESS

    def _beat(self) -> None:
        active_s = max(0.0, time.monotonic() - self._active_since_s)
        self._heart.beat(self.stage, self.busy_s(), active_s)

    def _enter(self, stage: str, level: bytes = DiagnosticStatus.WARN) -> None:
        self.stage = stage
        self._active_since_s = time.monotonic() if stage == "active" else math.inf
        self._health.set(level, stage)

    def begin(self) -> None:
        """Says which given parameters are unknown; configures and activates the node where `autostart` says so."""
        self._described.warn_about_unknown()
        if self.get_parameter("autostart").value:
            self._autostart()

    def _autostart(self) -> None:
        name = self.get_fully_qualified_name()
        for transition, trigger in (("configure", self.trigger_configure), ("activate", self.trigger_activate)):
            try:
                done = trigger() == SUCCESS
            except RuntimeError:  # somebody else leads the node already
                self.get_logger().info(f"autostart leaves the node {self.stage}: it was brought there from outside")
                return
            if not done:
                self.get_logger().error(f"stays {self.stage}; mend it, then: ros2 lifecycle set {name} {transition}")
                return

    def end(self) -> None:
        """Stops and finalizes the node."""
        if self.stage != "finalized":
            self.trigger_shutdown()

    def _undo_setup(self) -> None:
        self._described.thaw()
        self.release_all()
