"""Waiting for DDS entities, with the wait saying which of them are ready."""

import ctypes
from typing import Any

from cyclonedds.core import DDSException, Entity, WaitSet


class ReadySet(WaitSet):
    """A wait set that names what is ready. Attaching and detaching is safe while another thread waits."""

    def __init__(self, participant: Any) -> None:
        super().__init__(participant)
        self._count = 0

    def add(self, entity: Entity) -> None:
        """Watch an entity."""
        if self._waitset_attach(self._ref, entity._ref, entity._ref) == 0:
            self._count += 1

    def remove(self, entity: Entity) -> None:
        """Stop watching an entity; nothing happens where it is not watched."""
        if self._waitset_detach(self._ref, entity._ref) == 0:
            self._count -= 1

    def ready(self, timeout_ns: int) -> list[int]:
        """Handles of the entities that are ready within the timeout; the interpreter is released meanwhile.

        Raises:
            DDSException: the wait set was deleted.
        """
        size = max(1, self._count + 8)
        handles = (ctypes.c_void_p * size)()
        found = self._waitset_wait(self._ref, handles, size, timeout_ns)
        if found < 0:
            raise DDSException(found, "while waiting")
        return [handle or 0 for handle in handles[: min(found, size)]]
