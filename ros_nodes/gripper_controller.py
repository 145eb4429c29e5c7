"""The simulated gripper's controllers: positions on a topic, and the GripperCommand action as ros2_control has it."""

from __future__ import annotations

import numpy as np
from control_msgs.action import GripperCommand
from rclpy.callback_groups import CallbackGroup
from std_msgs.msg import Float64MultiArray

from ros_nodes.managed_node import ManagedNode
from ros_nodes.qos import LATEST
from ros_nodes.robot_interfaces import Gripper
from ros_nodes.single_goal_server import SingleGoalServer

STALL_TIMEOUT_S = 1.0
"""A gripper that has not moved for so long has stalled."""
_GOAL_SHARE, _STALL_SHARE_S = 0.03, 0.02
"""Share of the travel that counts as reached, and share a second that counts as standing still."""


class GripperController:
    """Takes the newest target, whether it came on the topic or as a goal.

    A goal's position is that of one finger joint. It succeeds when the fingers are there, and is aborted as `stalled`
    when something between them keeps them from it; the force then goes on. Fingers are driven by position: as in
    ros2_control's position_controllers, `max_effort` is reported back and limits nothing.

    Args:
        node: The node that offers the topics.
        name: Name of the controller, the first part of its topics' names.
        gripper: The joints and their travel.
        opening: Opening 0 … 1 at the start.
        group: Callback group of everything that happens here.
    """

    def __init__(self, node: ManagedNode, name: str, gripper: Gripper, opening: float, group: CallbackGroup) -> None:
        self._node, self._gripper, self._topic = node, gripper, f"{name}/commands"
        self._target = self._measured = opening
        self._effort, self._measured_at, self._moved_at = 0.0, -np.inf, -np.inf
        node.listen(Float64MultiArray, self._topic, self._on_command, LATEST, group)
        self._goals = SingleGoalServer(
            node,
            GripperCommand,
            f"{name}/gripper_cmd",
            group,
            refuse=self._why_refuse,
            start=self._start,
            preempted=lambda: self._state(GripperCommand.Result),
        )

    def hold(self, opening: float) -> None:
        """Aborts the goal that runs and stays at `opening`."""
        self._goals.end("abort", self._state(GripperCommand.Result))
        self._target = opening

    def destroy(self) -> None:
        """Takes the action away."""
        self._goals.destroy()

    def update(self, opening: float, now_s: float) -> float:
        """One tick: watches the goal with the measured `opening`, and returns the opening that is wanted."""
        elapsed_s = now_s - self._measured_at
        if not np.isfinite(self._moved_at) or abs(opening - self._measured) > _STALL_SHARE_S * elapsed_s:
            self._moved_at = now_s
        self._measured, self._measured_at = opening, now_s
        if self._goals.is_cancel_requested:
            self._goals.end("canceled", self._state(GripperCommand.Result))
            self._target = opening
        elif self._goals.is_running:
            self._watch(now_s)
        return self._target

    def _watch(self, now_s: float) -> None:
        if abs(self._target - self._measured) < _GOAL_SHARE:
            self._goals.end("succeed", self._state(GripperCommand.Result, reached_goal=True))
        elif now_s - self._moved_at > STALL_TIMEOUT_S:
            self._goals.end("abort", self._state(GripperCommand.Result, stalled=True))
        else:
            self._goals.publish_feedback(self._state(GripperCommand.Feedback))

    def _start(self, goal: GripperCommand.Goal) -> None:
        self._target = self._gripper.opening(np.array([goal.command.position]))
        self._effort, self._moved_at = goal.command.max_effort, self._measured_at

    def _why_refuse(self, goal: GripperCommand.Goal) -> str:
        low, high = sorted((self._gripper.closed, self._gripper.open))
        if low - 1e-6 <= goal.command.position <= high + 1e-6:
            return ""
        return f"position is {goal.command.position}; a joint position from {low} to {high} is needed"

    def _on_command(self, message: Float64MultiArray) -> None:
        wanted = len(self._gripper.joints)
        if len(message.data) != wanted or not np.all(np.isfinite(message.data)):
            text = f"{self._topic}: got {list(message.data)}, expected {wanted} finite joint positions"
            self._node.get_logger().error(text, throttle_duration_sec=2.0)
            return
        self._target = self._gripper.opening(np.array(message.data))

    def _state(self, kind: type, *, reached_goal: bool = False, stalled: bool = False) -> object:
        position = self._gripper.positions(self._measured)[0]
        return kind(position=position, effort=self._effort, reached_goal=reached_goal, stalled=stalled)
