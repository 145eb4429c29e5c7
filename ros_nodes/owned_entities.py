"""Subscriptions, publishers, services and timers that a lifecycle node owns until its clean-up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from lifecycle_msgs.srv import ChangeState
from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import DurabilityPolicy, QoSProfile


class OwnedEntities(LifecycleNode):
    """A lifecycle node whose callbacks act while it is active, and whose exceptions in them are reported, not raised.

    Attributes:
        is_active: Whether callbacks should act.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.is_active = False
        self._release: list[Callable[[], Any]] = []
        self._busy_since: dict[int, float] = {}
        self._answer_every_transition()

    def _answer_every_transition(self) -> None:
        """Has a transition that does not start in the present state refused in so many words.

        Where it comes by its number, rclpy raises it out of the executor in many releases (ros2/rclpy issue 1209), and
        the manager that asked waits for an answer until it gives up.
        """

        def answering(change: Callable) -> Callable:
            def answer(request: Any, response: Any) -> Any:
                try:
                    return change(request, response)
                except RuntimeError as error:
                    wanted = request.transition.label or request.transition.id
                    self.get_logger().error(f"transition {wanted!r} is refused: {error}")
                    return response

            return answer

        for service in self.services:
            if service.srv_type is ChangeState:
                service.callback = answering(service.callback)

    def callback_failed(self, what: str, error: Exception) -> None:
        """Logs an exception of a callback and shows it in the diagnostics."""
        raise NotImplementedError

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
                self.guarded(f"{topic}: message not handled", callback, message)

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
            return self.guarded(f"{name}: call not handled", callback, request, response) or response

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

        timer = self.repeat(period_s, when_active, group or MutuallyExclusiveCallbackGroup(), clock)
        self._release.append(lambda: self.destroy_timer(timer))

    def repeat(
        self, period_s: float | Callable[[], float], callback: Callable, group: CallbackGroup, clock: Clock | None
    ) -> Any:
        """A timer in every state of the node; arguments as those of `every`."""
        period = period_s if callable(period_s) else lambda: period_s
        timer: Any = None

        def tick() -> None:
            self.guarded("a timer's callback failed", callback)
            wanted_ns = round(period() * 1e9)
            # Another thread may call before the timer has its name here.
            if timer is not None and timer.timer_period_ns != wanted_ns:
                timer.timer_period_ns = wanted_ns

        clock = clock or Clock(clock_type=ClockType.STEADY_TIME)
        timer = self.create_timer(period(), tick, callback_group=group, clock=clock)
        return timer

    def guarded(self, what: str, callback: Callable, *arguments: Any) -> Any:
        """Calls back and returns the result, None after an exception, which is reported."""
        thread = threading.get_ident()
        is_outermost = self._busy_since.setdefault(thread, start := time.monotonic()) == start
        try:
            return callback(*arguments)
        except Exception as error:
            self.callback_failed(what, error)
            return None
        finally:
            if is_outermost:
                self._busy_since.pop(thread, None)

    def busy_s(self) -> float:
        """For how long the longest-running callback has been running, seconds."""
        now_s = time.monotonic()
        return max((now_s - start for start in list(self._busy_since.values())), default=0.0)

    def release_all(self) -> None:
        """Gives back everything that was made since the last time, the newest first."""
        while self._release:
            self.guarded("clean-up failed", self._release.pop())
