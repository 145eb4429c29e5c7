"""What an executor watches, and what of it is ready, in the order of arrival."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from cyclonedds.core import GuardCondition

from rclpy.callback_groups import CallbackGroup
from rclpy.impl.entity import Waitable, Work
from rclpy.impl.waitset import ReadySet
from rclpy.timer import Timer

Job = tuple[Work, CallbackGroup | None]
"""A piece of work, and the exclusive group that it holds until `ReadyQueue.let_go`."""


class ReadyQueue:
    """Keeps one DDS wait set up to date.

    Each wait collects everything that is ready, one piece of work for each entity, so that a flood on one topic
    delays another callback by one of its messages at most. An entity that is ready while its group is held stands
    aside until the group is let go.
    """

    def __init__(self, participant: Any) -> None:
        self._lock = threading.RLock()
        self._watched: dict[int, Waitable] = {}
        self._timers: list[Timer] = []
        self._held: dict[CallbackGroup, set[Waitable]] = {}
        self._tasks: deque[Work] = deque()
        self._ready: deque[Waitable | Work] = deque()
        self._ready_set = ReadySet(participant)
        self._guard = GuardCondition(participant)
        self._ready_set.add(self._guard)

    def add(self, entity: Waitable) -> None:
        """Start to watch an entity."""
        with self._lock:
            if isinstance(entity, Timer):
                if entity not in self._timers:
                    self._timers.append(entity)
            elif entity.condition is not None:
                self._watched[entity.condition._ref] = entity
                self._ready_set.add(entity.condition)

    def remove(self, entity: Waitable) -> None:
        """Stop watching an entity."""
        with self._lock:
            if isinstance(entity, Timer):
                if entity in self._timers:
                    self._timers.remove(entity)
            elif entity.condition is not None:
                self._ready_set.remove(entity.condition)
                self._watched.pop(entity.condition._ref, None)

    def put(self, work: Work) -> None:
        """Add work that waits for nothing."""
        self._tasks.append(work)
        self.wake()

    def wake(self) -> None:
        """End a wait."""
        self._guard.set(True)

    def take(self) -> Job | None:
        """The next piece of work of those collected; None when a new `collect` is due."""
        while self._ready:
            item = self._ready.popleft()
            if not isinstance(item, Waitable):
                return item, None
            job = self._take(item)
            if job is not None:
                return job
        return None

    def _take(self, entity: Waitable) -> Job | None:
        group = entity.callback_group
        with self._lock:
            if group in self._held:
                return None
            work = entity.take()
            if work is None:
                return None
            if not group.is_exclusive:
                return work, None
            self._held[group] = set()
        return work, group

    def let_go(self, group: CallbackGroup) -> None:
        """Let entities of a held group be ready again."""
        with self._lock:
            aside = self._held.pop(group, set())
            for entity in aside:
                if entity.condition is not None and entity.condition._ref in self._watched:
                    self._ready_set.add(entity.condition)
        if aside:
            self.wake()

    def collect(self, timeout_ns: int) -> bool:
        """Wait until something is ready; False where nothing was in time. Timers that are due come first."""
        with self._lock:
            timers = [timer for timer in self._timers if not self._stands_aside(timer)]
        for timer in timers:
            wait_ns = timer.wait_ns()
            if wait_ns is not None and wait_ns < timeout_ns:
                timeout_ns = wait_ns
        handles = self._ready_set.ready(0 if self._tasks else timeout_ns)
        self._ready.extend(timer for timer in timers if timer.is_ready())
        while self._tasks:
            self._ready.append(self._tasks.popleft())
        with self._lock:
            for handle in handles:
                self._note(handle)
        return bool(self._ready)

    def _note(self, handle: int) -> None:
        if handle == self._guard._ref:
            self._guard.take()
        elif (entity := self._watched.get(handle)) is not None:
            if not self._stands_aside(entity):
                self._ready.append(entity)
            elif entity.condition is not None:
                self._ready_set.remove(entity.condition)

    def _stands_aside(self, entity: Waitable) -> bool:
        aside = self._held.get(entity.callback_group)
        if aside is None:
            return False
        aside.add(entity)
        return True
