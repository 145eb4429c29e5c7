"""Waiting for DDS entities, with the wait saying which of them are ready."""

import ctypes
from typing import Any

from cyclonedds.core import DDSException, Entity, WaitSet

MARGIN = 32


class ReadySet(WaitSet):
    """A wait set that names what is ready. Attaching and detaching is safe while another thread waits."""

    def __init__(self, participant: Any) -> None:
        super().__init__(participant)
        self._count = 0
        self._handles: Any = (ctypes.c_void_p * MARGIN)()

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
        if self._count >= len(self._handles):
            self._handles = (ctypes.c_void_p * (self._count + MARGIN))()
        handles = self._handles
        found = self._waitset_wait(self._ref, handles, len(handles), timeout_ns)
        if found < 0:
            raise DDSException(found, "while waiting")
        return [handle or 0 for handle in handles[: min(found, len(handles))]]
