"""A goal as its server sees it, and the states that it goes through."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from action_msgs.msg import GoalInfo, GoalStatus

if TYPE_CHECKING:
    from rclpy.action.server import ActionServer

UNKNOWN, ACCEPTED, EXECUTING = GoalStatus.STATUS_UNKNOWN, GoalStatus.STATUS_ACCEPTED, GoalStatus.STATUS_EXECUTING
CANCELING, SUCCEEDED = GoalStatus.STATUS_CANCELING, GoalStatus.STATUS_SUCCEEDED
CANCELED, ABORTED = GoalStatus.STATUS_CANCELED, GoalStatus.STATUS_ABORTED


class RCLError(RuntimeError):
    """Something was asked for that the state does not allow."""


class GoalEvent(Enum):
    """What makes a goal change its state."""

    EXECUTE = 1
    CANCEL_GOAL = 2
    SUCCEED = 3
    ABORT = 4
    CANCELED = 5


_NEXT = {
    GoalEvent.EXECUTE: {ACCEPTED: EXECUTING},
    GoalEvent.CANCEL_GOAL: {ACCEPTED: CANCELING, EXECUTING: CANCELING},
    GoalEvent.SUCCEED: {EXECUTING: SUCCEEDED, CANCELING: SUCCEEDED},
    GoalEvent.ABORT: {EXECUTING: ABORTED, CANCELING: ABORTED},
    GoalEvent.CANCELED: {CANCELING: CANCELED},
}
_NAMES = dict(enumerate(("UNKNOWN", "ACCEPTED", "EXECUTING", "CANCELING", "SUCCEEDED", "CANCELED", "ABORTED")))


class ServerGoalHandle:
    """An accepted goal; made by `ActionServer`."""

    def __init__(self, action_server: ActionServer, goal_info: GoalInfo, goal_request: Any) -> None:
        self._action_server = action_server
        self._goal_request = goal_request
        self._state = GoalStatus(goal_info=goal_info, status=ACCEPTED)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ServerGoalHandle) and self.goal_id == other.goal_id

    @property
    def request(self) -> Any:
        """The goal."""
        return self._goal_request

    @property
    def goal_id(self) -> Any:
        """The goal's unique_identifier_msgs/UUID."""
        return self._state.goal_info.goal_id

    @property
    def status(self) -> int:
        """One of GoalStatus's constants; STATUS_UNKNOWN once it was destroyed."""
        return self._state.status

    @property
    def is_active(self) -> bool:
        """Whether it has neither succeeded nor been aborted or canceled."""
        return self.status in (ACCEPTED, EXECUTING, CANCELING)

    @property
    def is_cancel_requested(self) -> bool:
        """Whether a cancel request was accepted and the goal goes on."""
        return self.status == CANCELING

    def can(self, event: GoalEvent) -> bool:
        """Whether its state allows an event."""
        return self.status in _NEXT[event]

    def _update_state(self, event: GoalEvent) -> None:
        with self._action_server.state_lock:
            if self.status == UNKNOWN:
                return
            if not self.can(event):
                raise RCLError(
                    f"goal_handle attempted invalid transition from state {_NAMES[self.status]} with event {event.name}"
                )
            self._state.status = _NEXT[event][self.status]
            self._action_server.note_state(self)

    def execute(self, execute_callback: Any = None) -> None:
        """Have the executor run the goal, by this callback or by the server's.

        A goal that is being canceled is run too, so that the callback can see to its end.
        """
        if not self.is_cancel_requested:
            self._update_state(GoalEvent.EXECUTE)
        self._action_server.notify_execute(self, execute_callback)

    def publish_feedback(self, feedback: Any) -> None:
        """Tell the clients how far it is.

        Raises:
            TypeError: the feedback is of another type.
        """
        if self.status != UNKNOWN:
            self._action_server.publish_feedback(self.goal_id, feedback)

    def succeed(self) -> None:
        """It has reached its aim; RCLError where its state does not allow that."""
        self._update_state(GoalEvent.SUCCEED)

    def abort(self) -> None:
        """It ends without having reached its aim; RCLError where its state does not allow that."""
        self._update_state(GoalEvent.ABORT)

    def canceled(self) -> None:
        """It ends as a client asked; RCLError where no cancel request was accepted."""
        self._update_state(GoalEvent.CANCELED)

    def destroy(self) -> None:
        """Forget its state; what is asked of it afterwards does nothing."""
        self._state.status = UNKNOWN
