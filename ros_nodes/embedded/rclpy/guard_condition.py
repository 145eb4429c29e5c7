"""Guard conditions: a callback that any thread can trigger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cyclonedds.core import GuardCondition as DdsGuardCondition

from rclpy.callback_groups import CallbackGroup
from rclpy.context import Context
from rclpy.impl.entity import Waitable, Work


class GuardCondition(Waitable):
    """Made by `Node.create_guard_condition`."""

    def __init__(self, callback: Callable[[], Any] | None, callback_group: CallbackGroup, context: Context) -> None:
        super().__init__(callback_group)
        self.callback = callback
        self._guard: Any = DdsGuardCondition(context.participant.dds)
        self.condition = self._guard

    def trigger(self) -> None:
        """Make the executor call back."""
        if self._guard is not None:
            self._guard.set(True)

    def take(self) -> Work | None:
        """Reset the trigger."""
        return self.callback if self._guard is not None and self._guard.take() else None

    def release(self) -> None:
        """Stop calling back."""
        super().release()
        self._guard = None

    def destroy(self) -> None:
        """Stop calling back; prefer `Node.destroy_guard_condition`."""
        self.release()
