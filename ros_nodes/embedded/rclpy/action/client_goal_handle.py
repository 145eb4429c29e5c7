"""A goal as its client sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from action_msgs.msg import GoalStatus

from rclpy.task import Future

if TYPE_CHECKING:
    from rclpy.action.client import ActionClient


class ClientGoalHandle:
    """What came of sending a goal; made by `ActionClient.send_goal_async`."""

    def __init__(self, action_client: ActionClient, goal_id: Any, goal_response: Any) -> None:
        self._action_client = action_client
        self._goal_id = goal_id
        self._goal_response = goal_response
        self._status: int = GoalStatus.STATUS_UNKNOWN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClientGoalHandle) and self._goal_id == other._goal_id

    def __repr__(self) -> str:
        return f"ClientGoalHandle <id={self._goal_id.uuid}, accepted={self.accepted}, status={self._status}>"

    @property
    def goal_id(self) -> Any:
        """The goal's unique_identifier_msgs/UUID."""
        return self._goal_id

    @property
    def stamp(self) -> Any:
        """When the server accepted the goal, as builtin_interfaces/Time."""
        return self._goal_response.stamp

    @property
    def accepted(self) -> bool:
        """Whether the server accepted the goal."""
        return bool(self._goal_response.accepted)

    @property
    def status(self) -> int:
        """The goal's last known state, one of GoalStatus's constants."""
        return self._status

    def cancel_goal(self) -> Any:
        """Ask to cancel the goal and wait for the action_msgs/CancelGoal response while another thread spins."""
        return self._action_client._cancel_goal(self)

    def cancel_goal_async(self) -> Future:
        """Ask to cancel the goal; the future gets the action_msgs/CancelGoal response."""
        return self._action_client._cancel_goal_async(self)

    def get_result(self) -> Any:
        """Wait for the goal's end, its `status` and its `result`, while another thread spins."""
        return self._action_client._get_result(self)

    def get_result_async(self) -> Future:
        """Ask for the result; at the goal's end the future gets its `status` and its `result`."""
        return self._action_client._get_result_async(self)
