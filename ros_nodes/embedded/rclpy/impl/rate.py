"""Sleeping at a fixed rate."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rclpy.exceptions import InvalidHandle, ROSInterruptException

if TYPE_CHECKING:
    from rclpy.context import Context
    from rclpy.timer import Timer


class Rate:
    """Lets threads sleep until a timer's next call; made by `Node.create_rate`.

    An executor has to run the timer in another thread than the one that sleeps.

    Args:
        timer: the timer, whose callback it takes over.
        context: the context whose shutdown ends the sleeping.
    """

    def __init__(self, timer: Timer, *, context: Context) -> None:
        self.timer = timer
        self._changed = threading.Condition()
        self._sleepers = 0
        self._due = self._is_shutdown = self._is_destroyed = False
        timer.callback = self._wake
        context.on_shutdown(self._on_shutdown)

    def _wake(self) -> None:
        with self._changed:
            self._due = True
            self._changed.notify_all()

    def _on_shutdown(self) -> None:
        self._is_shutdown = True
        self.destroy()

    def destroy(self) -> None:
        """Wake who sleeps, and refuse to sleep from then on; prefer `Node.destroy_rate`."""
        self._is_destroyed = True
        self._wake()

    def sleep(self) -> None:
        """Sleep until the timer's next call; returns at once where one has come since the last sleep.

        Raises:
            ROSInterruptException: the context was shut down.
            InvalidHandle: the timer was destroyed.
            RuntimeError: the rate was destroyed.
        """
        if not self._is_shutdown and self._is_destroyed:
            raise RuntimeError("this rate was destroyed; make another with Node.create_rate")
        if not self._is_shutdown and self.timer.is_released:
            raise InvalidHandle("the timer of this rate was destroyed; make another with Node.create_rate")
        with self._changed:
            self._sleepers += 1
            self._changed.wait_for(lambda: self._due)
            self._sleepers -= 1
            if self._sleepers == 0 and not self._is_destroyed:
                self._due = False
        if self._is_shutdown:
            raise ROSInterruptException
