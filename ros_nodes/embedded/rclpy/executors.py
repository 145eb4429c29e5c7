"""Executors: wait for entities that are ready and run their callbacks."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from cyclonedds.core import GuardCondition

from rclpy.context import Context
from rclpy.impl.entity import Waitable, Work
from rclpy.impl.waitset import ReadySet
from rclpy.task import Future
from rclpy.timer import Timer
from rclpy.utilities import get_default_context

if TYPE_CHECKING:
    from rclpy.node import Node

LONGEST_WAIT_NS = 3_600_000_000_000
Stop = Callable[[], bool]


class ExternalShutdownException(Exception):
    """The context was shut down from outside."""


class ShutdownException(Exception):
    """The executor was shut down."""


class TimeoutException(Exception):
    """Nothing became ready in time."""


class Executor:
    """Base of the executors: keeps one DDS wait set up to date and hands out work in the order of arrival.

    Each wait collects everything that is ready, one piece of work for each entity, so that a flood on one topic
    delays another callback by one of its messages at most.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        self._context = context or get_default_context()
        self._nodes: list[Node] = []
        self._lock = threading.RLock()
        self._watched: dict[int, Waitable] = {}
        self._timers: list[Timer] = []
        self._busy_groups: dict[Any, list[Waitable]] = {}
        self._queue: deque[Waitable] = deque()
        self._tasks: deque[Work] = deque()
        self._is_shutdown = False
        dds = self._context.participant.dds
        self._ready_set = ReadySet(dds)
        self._guard = GuardCondition(dds)
        self._ready_set.add(self._guard)
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
        with self._lock:
            if node in self._nodes:
                return False
            self._nodes.append(node)
            node.executor = self
            for entity in node.waitables:
                self._watch(entity)
        self.wake()
        return True

    def remove_node(self, node: Node) -> None:
        """Stop running a node's callbacks."""
        with self._lock:
            if node in self._nodes:
                self._nodes.remove(node)
                for entity in node.waitables:
                    self.forget(entity)
        self.wake()

    def get_nodes(self) -> list[Node]:
        """The nodes whose callbacks run here."""
        return list(self._nodes)

    def watch(self, entity: Waitable) -> None:
        """Start waiting for an entity that a node has just made."""
        with self._lock:
            self._watch(entity)
        self.wake()

    def _watch(self, entity: Waitable) -> None:
        if isinstance(entity, Timer):
            self._timers.append(entity)
        elif entity.condition is not None:
            self._watched[entity.condition._ref] = entity
            if entity.callback_group in self._busy_groups:
                self._busy_groups[entity.callback_group].append(entity)
            else:
                self._ready_set.add(entity.condition)

    def forget(self, entity: Waitable) -> None:
        """Stop waiting for an entity."""
        with self._lock:
            if isinstance(entity, Timer):
                if entity in self._timers:
                    self._timers.remove(entity)
            elif entity.condition is not None:
                self._ready_set.remove(entity.condition)
                self._watched.pop(entity.condition._ref, None)

    def wake(self) -> None:
        """Make a waiting thread look around."""
        if not self._is_shutdown:
            self._guard.set(True)

    def create_task(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> Future:
        """Run a function as one piece of work; the future gets its result."""
        future = Future()

        def work() -> None:
            try:
                future.set_result(callback(*args, **kwargs))
            except Exception as error:
                future.set_exception(error)

        self._tasks.append(work)
        self.wake()
        return future

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop spinning and let the nodes go."""
        self._is_shutdown = True
        self._guard.set(True)
        self._context.executors.discard(self)
        for node in self.get_nodes():
            self.remove_node(node)
        return True

    def _next(self, end: float | None, stop: Stop) -> tuple[Work, Waitable | None] | None:
        """The next piece of work, or None at `end` (monotonic seconds), at the shutdown, and once `stop()` is true."""
        while self._context.ok() and not self._is_shutdown and not stop():
            if self._tasks:
                return self._tasks.popleft(), None
            while self._queue:
                entity = self._queue.popleft()
                work = self._take(entity)
                if work is not None:
                    return work, entity
            left_ns = LONGEST_WAIT_NS if end is None else int((end - time.monotonic()) * 1e9)
            self._collect(max(0, left_ns))
            if left_ns <= 0 and not self._queue and not self._tasks:
                return None
        return None

    def _take(self, entity: Waitable) -> Work | None:
        with self._lock:
            if entity.callback_group in self._busy_groups:
                return None
            work = entity.take()
            if work is not None and entity.callback_group.is_exclusive and self._runs_in_parallel:
                self._hold(entity.callback_group)
        return work

    _runs_in_parallel = False

    def _hold(self, group: Any) -> None:
        held = [entity for entity in self._watched.values() if entity.callback_group is group]
        for entity in held:
            if entity.condition is not None:
                self._ready_set.remove(entity.condition)
        self._busy_groups[group] = held

    def _let_go(self, group: Any) -> None:
        with self._lock:
            for entity in self._busy_groups.pop(group, ()):
                condition = entity.condition
                if condition is not None and condition._ref in self._watched:
                    self._ready_set.add(condition)
        self.wake()

    def _collect(self, timeout_ns: int) -> None:
        """Wait until something is ready and put it into the queue: timers that are due first."""
        with self._lock:
            timers = [timer for timer in self._timers if timer.callback_group not in self._busy_groups]
        for timer in timers:
            wait_ns = timer.wait_ns()
            if wait_ns is not None and wait_ns < timeout_ns:
                timeout_ns = wait_ns
        handles = self._ready_set.ready(timeout_ns)
        self._queue.extend(timer for timer in timers if timer.is_ready())
        for handle in handles:
            if handle == self._guard._ref:
                self._guard.take()
            elif (entity := self._watched.get(handle)) is not None:
                self._queue.append(entity)

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

    def spin_until_future_complete(self, future: Future, timeout_sec: float | None = None) -> None:
        """Run callbacks until the future is done or the time is over."""
        future.add_done_callback(lambda _: self.wake())
        end = _end(timeout_sec)
        while self._context.ok() and not self._is_shutdown and not future.done():
            self._step(end, future.done)
            if end is not None and time.monotonic() >= end:
                return

    def _step(self, end: float | None, stop: Stop) -> None:
        """Run or hand over one piece of work."""
        raise NotImplementedError


def _end(timeout_sec: float | None) -> float | None:
    return None if timeout_sec is None or timeout_sec < 0 else time.monotonic() + timeout_sec


class SingleThreadedExecutor(Executor):
    """Runs callbacks one after the other in the thread that spins."""

    def _step(self, end: float | None, stop: Stop) -> None:
        found = self._next(end, stop)
        if found is not None:
            found[0]()


class MultiThreadedExecutor(Executor):
    """Runs callbacks in a pool of threads, within the rules of their groups.

    Args:
        num_threads: size of the pool; by default the number of cores, and two at least.
        context: the context; by default the default one.
    """

    _runs_in_parallel = True

    def __init__(self, num_threads: int | None = None, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        self._pool = ThreadPoolExecutor(num_threads if num_threads is None else max(1, num_threads))
        self._failure: BaseException | None = None

    def _step(self, end: float | None, stop: Stop) -> None:
        found = self._next(end, lambda: self._failure is not None or stop())
        if found is not None:
            self._pool.submit(self._run, *found)
        self._raise_failure()

    def _run(self, work: Work, entity: Waitable | None) -> None:
        try:
            work()
        except BaseException as error:
            self._failure = error
            self.wake()
        finally:
            if entity is not None and entity.callback_group.is_exclusive:
                self._let_go(entity.callback_group)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop spinning, wait for running callbacks and let the nodes go."""
        done = super().shutdown(timeout_sec)
        self._pool.shutdown(wait=timeout_sec is None or timeout_sec > 0)
        return done
