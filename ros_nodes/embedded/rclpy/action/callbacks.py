"""The callbacks of an action server: what they return, and what happens where none is given."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from rclpy.action.server_goal_handle import ServerGoalHandle

GoalCallback = Callable[[ServerGoalHandle], Any]


class GoalResponse(Enum):
    """What a goal callback returns."""

    REJECT = 1
    ACCEPT = 2


class CancelResponse(Enum):
    """What a cancel callback returns."""

    REJECT = 1
    ACCEPT = 2


def default_handle_accepted_callback(goal_handle: ServerGoalHandle) -> None:
    """Execute the goal."""
    goal_handle.execute()


def default_goal_callback(goal_request: Any) -> GoalResponse:
    """Accept every goal."""
    return GoalResponse.ACCEPT


def default_cancel_callback(cancel_request: Any) -> CancelResponse:
    """Reject every cancel request."""
    return CancelResponse.REJECT


class ActionCallbacks:
    """The callbacks that a server has now; each may be a function or a coroutine function."""

    def register_execute_callback(self, execute_callback: GoalCallback) -> None:
        """Replace the callback that executes goals; TypeError where it cannot be called."""
        if not callable(execute_callback):
            raise TypeError(f"the execute callback must be callable; got {execute_callback!r}")
        self._execute_callback = execute_callback

    def register_goal_callback(self, goal_callback: Callable[[Any], Any] | None) -> None:
        """Replace the callback that accepts or rejects goals; None for the default."""
        self._goal_callback = goal_callback or default_goal_callback

    def register_handle_accepted_callback(self, handle_accepted_callback: GoalCallback | None) -> None:
        """Replace the callback for accepted goals; None for the default."""
        self._handle_accepted_callback = handle_accepted_callback or default_handle_accepted_callback

    def register_cancel_callback(self, cancel_callback: GoalCallback | None) -> None:
        """Replace the callback that accepts or rejects cancel requests; None for the default."""
        self._cancel_callback = cancel_callback or default_cancel_callback
