"""A value that will be there later, and work that goes on in pieces."""

from __future__ import annotations

import inspect
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Generator
from typing import Any


def _no_executor() -> None:
    return None


class Future:
    """The outcome of work that is done elsewhere, such as a service call. Coroutines of an executor can await it.

    Args:
        executor: runs the done callbacks; without one they run where the result is set.
    """

    def __init__(self, *, executor: Any = None) -> None:
        self._lock = threading.Lock()
        self._done = False
        self._cancelled = False
        self._result: Any = None
        self._exception: BaseException | None = None
        self._exception_fetched = False
        self._callbacks: list[Callable[[Any], Any]] = []
        self._waiters: list[Callable[[], Any]] = []
        self._set_executor(executor)

    def __del__(self) -> None:
        if self._exception is not None and not self._exception_fetched:
            print(f"The following exception was never retrieved: {self._exception}", file=sys.stderr)

    def __await__(self) -> Generator[Any, None, Any]:
        while not self._done:
            yield self
        return self.result()

    def _set_executor(self, executor: Any) -> None:
        self._executor: Callable[[], Any] = _no_executor if executor is None else weakref.ref(executor)

    def done(self) -> bool:
        """Whether there is a result or an exception."""
        return self._done

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    def cancel(self) -> None:
        """Give up on the result, unless it is there already."""
        with self._lock:
            self._cancelled = self._cancelled or not self._done
        self._call_back()

    def result(self) -> Any:
        """The result, or None where there is none yet; raises the exception that was set."""
        exception = self.exception()
        if exception is not None:
            raise exception
        return self._result

    def exception(self) -> BaseException | None:
        """The exception that was set."""
        self._exception_fetched = True
        return self._exception

    def set_result(self, result: Any) -> None:
        """Set the result and call back those who asked."""
        with self._lock:
            self._result, self._done, self._cancelled = result, True, False
        self._call_back()

    def set_exception(self, exception: BaseException) -> None:
        """Set an exception and call back those who asked."""
        with self._lock:
            self._exception, self._exception_fetched = exception, False
            self._done, self._cancelled = True, False
        self._call_back()

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        """Call back once done or cancelled: by the executor where there is one, else at once."""
        with self._lock:
            if not self._done:
                self._callbacks.append(callback)
                return
        executor = self._executor()
        if executor is not None:
            executor.create_task(callback, self)
        else:
            callback(self)

    def _notify(self, waiter: Callable[[], Any]) -> None:
        """Call a function that never raises as soon as it is done, whatever the executor is busy with."""
        with self._lock:
            if not self._done:
                self._waiters.append(waiter)
                return
        waiter()

    def _call_back(self) -> None:
        with self._lock:
            callbacks, self._callbacks = self._callbacks, []
            waiters, self._waiters = (self._waiters, []) if self._done else ([], self._waiters)
        for waiter in waiters:
            waiter()
        executor = self._executor()
        for callback in callbacks:
            if executor is not None:
                executor.create_task(callback, self)
            else:
                self._call(callback)

    def _call(self, callback: Callable[[Any], Any]) -> None:
        try:
            callback(self)
        except Exception as error:
            warnings.warn(f"Unhandled exception in done callback: {error}", stacklevel=2)


class Task(Future):
    """A function or a coroutine that an executor runs; each call runs it up to its next await.

    Args:
        handler: function, coroutine function or coroutine.
        args, kwargs: arguments of a function.
        executor: takes the task up again when what it awaits is done.
    """

    def __init__(
        self, handler: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None, executor: Any = None
    ) -> None:
        super().__init__(executor=executor)
        self._running = threading.Lock()
        if inspect.iscoroutinefunction(handler):
            handler = handler(*args, **(kwargs or {}))
        self._handler: Any = handler if inspect.iscoroutine(handler) else lambda: handler(*args, **(kwargs or {}))

    def __del__(self) -> None:
        if inspect.iscoroutine(getattr(self, "_handler", None)):
            self._handler.close()
        super().__del__()

    def executing(self) -> bool:
        """Whether some thread is running it now."""
        return self._running.locked()

    def __call__(self) -> None:
        """Run it, or go on with it."""
        if not self._running.acquire(blocking=False):
            return
        try:
            awaited = None if self._done else self._step()
        finally:
            self._running.release()
        executor = self._executor()
        if not self._done and executor is not None:
            go_on = lambda: executor._resume(self)  # noqa: E731
            awaited._notify(go_on) if isinstance(awaited, Future) else go_on()

    def _step(self) -> Any:
        """Run to the next await and return what is awaited."""
        try:
            if inspect.iscoroutine(self._handler):
                return self._handler.send(None)
            self._finish(self._handler())
        except StopIteration as end:
            self._finish(end.value)
        except Exception as error:
            self._handler = None
            self.set_exception(error)
        return None

    def _finish(self, result: Any) -> None:
        self._handler = None
        self.set_result(result)
