"""Timers on any clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.clock import Clock, ROSClock
from rclpy.impl.entity import Waitable, Work
from rclpy.impl.rate import Rate

__all__ = ["Rate", "Timer"]


class Timer(Waitable):
    """Calls back periodically; made by `Node.create_timer`.

    Args:
        callback: called without arguments.
        callback_group: the group whose rule the callback follows.
        timer_period_ns: nanoseconds between calls; missed calls are skipped, not made up for.
        clock: the clock that the period is measured on.
        changed: called when the next call comes earlier than it was known.
        autostart: False leaves it cancelled until `reset`.

    Attributes:
        is_released: whether it was destroyed.
    """

    def __init__(
        self,
        callback: Callable[[], Any],
        callback_group: CallbackGroup,
        timer_period_ns: int,
        clock: Clock,
        changed: Callable[[], None],
        *,
        autostart: bool = True,
    ) -> None:
        if timer_period_ns < 0:
            raise ValueError(f"a timer's period must not be negative; got {timer_period_ns} ns")
        super().__init__(callback_group)
        self.callback = callback
        self.clock = clock
        self._period_ns = int(timer_period_ns)
        self._changed = changed
        self._cancelled = not autostart
        self.is_released = False
        self._last_ns = clock.nanoseconds()
        self._next_ns = self._last_ns + self._period_ns

    @property
    def timer_period_ns(self) -> int:
        """Nanoseconds between calls."""
        return self._period_ns

    @timer_period_ns.setter
    def timer_period_ns(self, value: int) -> None:
        self._period_ns = int(value)
        self._next_ns = self._last_ns + self._period_ns
        self._changed()

    def cancel(self) -> None:
        """Stop calling back until `reset`."""
        self._cancelled = True

    def reset(self) -> None:
        """Start over: the next call is one period from now."""
        self._cancelled = False
        self._last_ns = self.clock.nanoseconds()
        self._next_ns = self._last_ns + self._period_ns
        self._changed()

    def is_canceled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    def is_ready(self) -> bool:
        """Whether a call is due."""
        return self.wait_ns() == 0

    def time_since_last_call(self) -> int:
        """Nanoseconds since the last call."""
        return self.clock.nanoseconds() - self._last_ns

    def time_until_next_call(self) -> int | None:
        """Nanoseconds until the next call, negative where it is late; None while cancelled."""
        return None if self._cancelled else self._next_ns - self.clock.nanoseconds()

    def wait_ns(self) -> int | None:
        """How long to wait for the next call, in nanoseconds of real time; None where only a message can tell."""
        if self._cancelled:
            return None
        now = self.clock.nanoseconds()
        if now < self._last_ns:
            self._last_ns, self._next_ns = now, now + self._period_ns
        if now >= self._next_ns:
            return 0
        simulated = isinstance(self.clock, ROSClock) and self.clock.ros_time_is_active
        return None if simulated else self._next_ns - now

    def take(self) -> Work | None:
        """Note the call and plan the next."""
        if self.wait_ns() != 0:
            return None
        self._last_ns = self.clock.nanoseconds()
        self._next_ns += self._period_ns
        if self._next_ns <= self._last_ns:
            behind = self._last_ns - self._next_ns
            self._next_ns += (behind // self._period_ns + 1) * self._period_ns if self._period_ns else behind
        return self.callback

    def release(self) -> None:
        """Stop calling back."""
        self._cancelled = self.is_released = True

    def destroy(self) -> None:
        """Stop calling back; prefer `Node.destroy_timer`."""
        self.release()
