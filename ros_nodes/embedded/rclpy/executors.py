"""Executors: wait for entities that are ready and run their callbacks."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from rclpy.context import Context
from rclpy.impl.executor_base import (
    Executor,
    ExternalShutdownException,
    ShutdownException,
    Stop,
    TimeoutException,
    await_or_execute,
)
from rclpy.impl.ready_queue import Job

__all__ = [
    "Executor",
    "ExternalShutdownException",
    "MultiThreadedExecutor",
    "ShutdownException",
    "SingleThreadedExecutor",
    "TimeoutException",
    "await_or_execute",
]


class SingleThreadedExecutor(Executor):
    """Runs callbacks one after the other in the thread that spins."""

    def _step(self, end: float | None, stop: Stop) -> None:
        job = self._next(end, stop)
        if job is not None:
            self._perform(job)


class MultiThreadedExecutor(Executor):
    """Runs callbacks in a pool of threads, within the rules of their groups.

    Args:
        num_threads: size of the pool; by default the number of cores that the process may use.
        context: the context; by default the default one.
    """

    def __init__(self, num_threads: int | None = None, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        size = len(os.sched_getaffinity(0)) if num_threads is None else num_threads
        if size == 1:
            warnings.warn(
                "MultiThreadedExecutor has a single thread: use the SingleThreadedExecutor, or give num_threads.",
                stacklevel=2,
            )
        self._pool = ThreadPoolExecutor(size)
        self._failure: BaseException | None = None

    def _step(self, end: float | None, stop: Stop) -> None:
        with suppress(ExternalShutdownException):
            job = self._next(end, lambda: self._failure is not None or stop())
            if job is not None:
                self._submit(job)
        self._raise_failure()

    def _submit(self, job: Job) -> None:
        try:
            self._pool.submit(self._run, job)
        except RuntimeError:  # another thread has shut the pool down in between
            if not self._is_shutdown:
                raise

    def _run(self, job: Job) -> None:
        try:
            self._perform(job)
        except BaseException as error:
            self._failure = error
            self.wake()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop spinning, wait for running callbacks and let the nodes go."""
        done = super().shutdown(timeout_sec)
        self._pool.shutdown(wait=timeout_sec is None or timeout_sec > 0)
        return done
