"""A value that will be there later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Future:
    """The outcome of work that an executor does, such as a service call."""

    def __init__(self, *, executor: Any = None) -> None:
        self._lock = threading.Lock()
        self._finished = threading.Event()
        self._cancelled = False
        self._result: Any = None
        self._exception: BaseException | None = None
        self._callbacks: list[Callable[[Future], None]] = []

    def done(self) -> bool:
        """Whether there is a result, an exception, or it was cancelled."""
        return self._finished.is_set()

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    def cancel(self) -> None:
        """Give up on the result, unless it is there already."""
        self._finish(cancelled=True)

    def result(self) -> Any:
        """The result, or None where there is none yet; raises the exception that was set."""
        if self._exception:
            raise self._exception
        return self._result

    def exception(self) -> BaseException | None:
        """The exception that was set."""
        return self._exception

    def set_result(self, result: Any) -> None:
        """Set the result and call back those who asked."""
        self._finish(result=result)

    def set_exception(self, exception: BaseException) -> None:
        """Set an exception and call back those who asked."""
        self._finish(exception=exception)

    def add_done_callback(self, callback: Callable[[Future], None]) -> None:
        """Call back once done; at once where it is done already."""
        with self._lock:
            if not self.done():
                self._callbacks.append(callback)
                return
        callback(self)

    def wait(self, timeout_sec: float | None) -> bool:
        """Block this thread until it is done; another thread must be spinning."""
        return self._finished.wait(timeout_sec)

    def _finish(self, *, result: Any = None, exception: BaseException | None = None, cancelled: bool = False) -> None:
        with self._lock:
            if self.done():
                return
            self._result, self._exception, self._cancelled = result, exception, cancelled
            self._finished.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)
