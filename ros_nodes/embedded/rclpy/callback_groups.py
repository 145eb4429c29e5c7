"""Which callbacks may run at the same time."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet


class CallbackGroup:
    """A set of entities whose callbacks share one rule."""

    def __init__(self) -> None:
        self.entities: WeakSet[Any] = WeakSet()

    def add_entity(self, entity: Any) -> None:
        """Put an entity under this group's rule."""
        self.entities.add(entity)

    def has_entity(self, entity: Any) -> bool:
        """Whether the entity is under this group's rule."""
        return entity in self.entities

    @property
    def is_exclusive(self) -> bool:
        """Whether at most one callback of the group runs at a time."""
        return False


class ReentrantCallbackGroup(CallbackGroup):
    """Callbacks of this group run in parallel, also with themselves."""


class MutuallyExclusiveCallbackGroup(CallbackGroup):
    """At most one callback of this group runs at a time."""

    @property
    def is_exclusive(self) -> bool:
        return True
