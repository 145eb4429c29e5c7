"""Joint motions as goals of the FollowJointTrajectory action, each ending at rest, each replacing the one before."""

from __future__ import annotations

import time
from typing import Any, Literal

from action_msgs.msg import GoalStatus
from control_msgs.action import FollowJointTrajectory
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.task import Future
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from robot_wm.motion import Motion
from ros_nodes.arm_commands import Drive, Tick
from ros_nodes.conversions import duration

_HORIZON_S, _SPACING_S, _PERIOD_S = 0.32, 0.04, 0.16
"""How far a goal looks ahead before its stop, how far apart its points are, and how often a goal is sent."""


class JointTrajectoryGoals:
    """Sends what the follower would do next and the stop after it, so that the arm comes to rest if nothing follows."""

    tracking: Literal["joints", "pose", "velocity"] = "joints"

    def __init__(self, drive: Drive) -> None:
        self._drive, self._name = drive, drive.robot.command.endpoint.name
        self._client = ActionClient(drive.node, FollowJointTrajectory, self._name, callback_group=drive.group)
        drive.on_cleanup(self._client.destroy)
        self._sent_at, self._newest, self._is_holding = float("-inf"), 0, True
        self._stamp_s: float | None = None
        self._handle: ClientGoalHandle | None = None

    def send(self, motion: Motion | None, tick: Tick) -> None:
        """Sends a goal when there is a new plan, a stop, or not much left of the last goal; at rest cancels it."""
        if motion is None:
            self._cancel()
            return
        stamp_s, now_s = self._drive.source.following_stamp_s, time.monotonic()
        if stamp_s == self._stamp_s and now_s - self._sent_at < _PERIOD_S:
            return
        if not self._client.server_is_ready():
            self._log(f"no action server {self._name}; start the driver's controller")
            return
        motions = self._drive.source.ahead(self._drive.node.now_s(), _HORIZON_S, _SPACING_S)
        if not motions:
            return
        self._stamp_s, self._sent_at, self._newest, self._is_holding = stamp_s, now_s, self._newest + 1, False
        number, goal = self._newest, FollowJointTrajectory.Goal(trajectory=self._trajectory(motions))
        self._client.send_goal_async(goal).add_done_callback(lambda future: self._on_answer(future, number))

    def _trajectory(self, motions: list[Motion]) -> JointTrajectory:
        points = [
            JointTrajectoryPoint(
                positions=motion.position.tolist(),
                velocities=motion.velocity.tolist(),
                time_from_start=duration(_SPACING_S * (index + 1)),
            )
            for index, motion in enumerate(motions)
        ]
        points[-1].velocities = [0.0] * len(self._drive.robot.joints)
        return JointTrajectory(joint_names=list(self._drive.robot.joints), points=points)

    def _on_answer(self, future: Future, number: int) -> None:
        handle = future.result()
        if not handle.accepted:
            self._log(f"{self._name}: goal refused; the driver's log says why")
            return
        handle.get_result_async().add_done_callback(lambda result: self._on_result(result, number))
        if self._is_holding:
            handle.cancel_goal_async()
        elif number == self._newest:
            self._handle = handle

    def _on_result(self, future: Future, number: int) -> None:
        answer: Any = future.result()
        if number != self._newest:
            return
        self._handle = None
        if answer.status == GoalStatus.STATUS_ABORTED:
            self._log(f"{self._name}: goal aborted, error {answer.result.error_code}: {answer.result.error_string}")

    def _cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel_goal_async()
        self._handle, self._stamp_s, self._is_holding = None, None, True

    def _log(self, text: str) -> None:
        self._drive.node.get_logger().error(text, throttle_duration_sec=2.0)
