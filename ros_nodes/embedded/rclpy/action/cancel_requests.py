"""Which goals a cancel request means (the rules stand in action_msgs/srv/CancelGoal)."""

from __future__ import annotations

from collections.abc import Iterable

from action_msgs.msg import GoalInfo
from action_msgs.srv import CancelGoal

from rclpy.action.server_goal_handle import GoalEvent, ServerGoalHandle
from rclpy.time import Time


def goals_to_cancel(asked: GoalInfo, goals: Iterable[ServerGoalHandle]) -> tuple[int, list[ServerGoalHandle]]:
    """The return code for a cancel request and the goals that it may cancel.

    Args:
        asked: identity and stamp of the request; zeros mean any.
        goals: what the server knows.
    """
    known = {bytes(goal.goal_id.uuid): goal for goal in goals}
    key, stamp_ns = bytes(asked.goal_id.uuid), _nanoseconds(asked)
    named = known.get(key)
    if any(key) and not stamp_ns:
        if named is None:
            return CancelGoal.Response.ERROR_UNKNOWN_GOAL_ID, []
        if not named.can(GoalEvent.CANCEL_GOAL):
            return CancelGoal.Response.ERROR_GOAL_TERMINATED, []
        return CancelGoal.Response.ERROR_NONE, [named]
    everything = not any(key) and not stamp_ns
    meant = [
        goal
        for goal in known.values()
        if everything or goal is named or _nanoseconds(goal._state.goal_info) <= stamp_ns
    ]
    return CancelGoal.Response.ERROR_NONE, [goal for goal in meant if goal.can(GoalEvent.CANCEL_GOAL)]


def _nanoseconds(info: GoalInfo) -> int:
    return Time.from_msg(info.stamp).nanoseconds
