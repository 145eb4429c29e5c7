"""What all executors do: keep nodes, wait for what is ready and hand out the work."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.context import Context
from rclpy.impl.entity import Waitable
from rclpy.impl.ready_queue import Job, ReadyQueue
from rclpy.task import Future, Task
from rclpy.utilities import get_default_context

if TYPE_CHECKING:
    from rclpy.node import Node

LONGEST_WAIT_NS = 3_600_000_000_000
Stop = Callable[[], bool]


class ExternalShutdownException(Exception):
    """The context was shut down from outside."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(args or ("Context has been shut down.",)))


class ShutdownException(Exception):
    """The executor was shut down."""


class TimeoutException(Exception):
    """Nothing became ready in time."""


async def await_or_execute(callback: Callable[..., Any], *args: Any) -> Any:
    """Call a function, or await a coroutine function; either's result."""
    result = callback(*args)
    return await result if inspect.isawaitable(result) else result


class Executor:
    """Base of the executors: nodes, and the loop that waits and hands out work."""

    def __init__(self, *, context: Context | None = None) -> None:
        self._context = context or get_default_context()
        self._nodes: list[Node] = []
        self._is_shutdown = False
        self._queue = ReadyQueue(self._context.participant.dds)
        self._context.executors.add(self)

    @property
    def context(self) -> Context:
        """The context whose end also ends the spinning."""
        return self._context

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def add_node(self, node: Node) -> bool:
        """Run a node's callbacks here; False where it is here already."""
        if node in self._nodes:
            return False
        self._nodes.append(node)
        node.executor = self
        for entity in node.waitables:
            self._queue.add(entity)
        self.wake()
        return True

    def remove_node(self, node: Node) -> None:
        """Stop running a node's callbacks."""
        if node in self._nodes:
            self._nodes.remove(node)
            for entity in node.waitables:
                self._queue.remove(entity)
        self.wake()

    def get_nodes(self) -> list[Node]:
        """The nodes whose callbacks run here."""
        return list(self._nodes)

    def watch(self, entity: Waitable) -> None:
        """Start waiting for an entity that a node has just made."""
        self._queue.add(entity)
        self.wake()

    def forget(self, entity: Waitable) -> None:
        """Stop waiting for an entity."""
        self._queue.remove(entity)

    def wake(self) -> None:
        """Make a waiting thread look around."""
        if not self._is_shutdown:
            self._queue.wake()

    def create_task(self, callback: Any, *args: Any, **kwargs: Any) -> Task:
        """Run a function, coroutine function or coroutine; the task gets its result."""
        task = Task(callback, args, kwargs, executor=self)
        self._resume(task)
        return task

    def _resume(self, task: Task) -> None:
        self._queue.put(partial(_advance, task))

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop spinning and let the nodes go."""
        self._is_shutdown = True
        self._queue.wake()
        self._context.executors.discard(self)
        for node in self.get_nodes():
            self.remove_node(node)
        return True

    def _next(self, end: float | None, stop: Stop) -> Job | None:
        """The next piece of work, or None at `end` (monotonic seconds), at the shutdown, and once `stop()` is true.

        Raises:
            ExternalShutdownException: the context was shut down meanwhile.
        """
        while self._context.ok() and not self._is_shutdown and not stop():
            job = self._queue.take()
            if job is not None:
                return job
            left_ns = LONGEST_WAIT_NS if end is None else int((end - time.monotonic()) * 1e9)
            found = self._queue.collect(max(0, left_ns))
            if not self._context.ok():
                raise ExternalShutdownException
            if not found and left_ns <= 0:
                return None
        return None

    def _perform(self, job: Job) -> None:
        """Run a piece of work; a coroutine goes on as a task, and its group stays held until it ends."""
        work, group = job
        task = None
        try:
            outcome = work()
            if inspect.iscoroutine(outcome):
                task = Task(outcome, executor=self)
                if group is not None:
                    task._notify(partial(self._queue.let_go, group))
                _advance(task)
        finally:
            if group is not None and task is None:
                self._queue.let_go(group)

    def spin(self) -> None:
        """Run callbacks until the context or this executor is shut down."""
        while self._context.ok() and not self._is_shutdown:
            self.spin_once()

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Run one callback, or return when none is ready in time.

        Args:
            timeout_sec: seconds to wait; None or a negative number waits for ever.
        """
        self._step(_end(timeout_sec), lambda: False)

    def spin_once_until_future_complete(self, future: Future, timeout_sec: float | None = None) -> None:
        """Run one callback, or return when the future is done or none is ready in time."""
        future._notify(self.wake)
        self._step(_end(timeout_sec), future.done)

    def spin_until_future_complete(self, future: Future, timeout_sec: float | None = None) -> None:
        """Run callbacks until the future is done or the time is over."""
        future._notify(self.wake)
        end = _end(timeout_sec)
        while self._context.ok() and not self._is_shutdown and not future.done():
            self._step(end, future.done)
            if end is not None and time.monotonic() >= end:
                return

    def _step(self, end: float | None, stop: Stop) -> None:
        """Run or hand over one piece of work."""
        raise NotImplementedError


def _advance(task: Task) -> None:
    task()
    if task.done():
        task.result()


def _end(timeout_sec: float | None) -> float | None:
    return None if timeout_sec is None or timeout_sec < 0 else time.monotonic() + timeout_sec
