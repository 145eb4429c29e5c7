"""The simulated arm's joint_trajectory_controller: topic, action and state as ros2_control's has them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from builtin_interfaces.msg import Time as TimeMsg
from control_msgs.action import FollowJointTrajectory
from control_msgs.msg import JointTrajectoryControllerState
from rclpy.callback_groups import CallbackGroup
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from robot_wm.motion import Motion
from ros_nodes.conversions import seconds
from ros_nodes.managed_node import ManagedNode
from ros_nodes.qos import LATEST
from ros_nodes.single_goal_server import SingleGoalServer
from ros_nodes.trajectory_executor import TrajectoryError, TrajectoryExecutor, Waypoint
from ros_nodes.trajectory_tolerances import Tolerance, Tolerances

FEEDBACK_PERIOD_S, STATE_PERIOD_S = 0.05, 0.02
"""ros2_control's defaults: 20 Hz and 50 Hz."""
Result = FollowJointTrajectory.Result


class TrajectoryController:
    """Follows the newest trajectory, whether it came on the topic or as a goal, and watches its tolerances.

    As ros2_control's controller it refuses partial goals and empty trajectories; a new goal aborts the one that runs;
    a trajectory on the topic replaces the points of a goal that runs; after a cancel or a violated tolerance the arm
    holds where it is.

    Args:
        node: The node that offers the topics.
        name: Name of the controller, the first part of its topics' names.
        executor: What interpolates.
        stamp: The robot's time.
        group: Callback group of everything that happens here.
    """

    def __init__(
        self,
        node: ManagedNode,
        name: str,
        executor: TrajectoryExecutor,
        stamp: Callable[[], TimeMsg],
        group: CallbackGroup,
    ) -> None:
        self._node, self._name, self._executor, self._stamp = node, name, executor, stamp
        joints = len(executor.names)
        self._defaults = Tolerances(Tolerance.uniform(joints, 0.5), Tolerance.uniform(joints, 0.05, velocity=0.05))
        self._tolerances = self._defaults
        self._measured = executor.sample(time.monotonic())
        self._feedback_at = -np.inf
        node.listen(JointTrajectory, f"{name}/joint_trajectory", self._on_trajectory, LATEST, group)
        self._states = node.advertise(JointTrajectoryControllerState, f"{name}/controller_state", LATEST)
        node.every(STATE_PERIOD_S, self._publish_state, group)
        self._goals = SingleGoalServer(
            node,
            FollowJointTrajectory,
            f"{name}/follow_joint_trajectory",
            group,
            refuse=self._why_refuse,
            start=self._start,
            preempted=lambda: _result(Result.INVALID_GOAL, "Current goal preempted by new incoming action."),
        )

    def hold(self, position: np.ndarray, reason: str) -> None:
        """Aborts the goal that runs and stays at `position` (n,)."""
        self._goals.end("abort", _result(Result.INVALID_GOAL, reason))
        self._executor.hold(position)

    def destroy(self) -> None:
        """Takes the action away."""
        self._goals.destroy()

    def update(self, measured: Motion, now_s: float) -> np.ndarray:
        """One tick: watches goal and tolerances, and returns the positions (n,) that are due on the monotonic clock."""
        self._measured = measured
        if self._goals.is_cancel_requested:
            self._goals.end("canceled", Result())
            self._executor.hold(measured.position)
        elif not self._executor.is_holding:
            self._watch(now_s)
        return self._executor.sample(now_s).position

    def _watch(self, now_s: float) -> None:
        names, error, overdue_s = self._executor.names, self._error(now_s), self._executor.overdue_s(now_s)
        if overdue_s < 0:
            excess = self._tolerances.path.excess(names, error)
            if excess:
                self._violated(Result.PATH_TOLERANCE_VIOLATED, f"Aborted due to path tolerance violation: {excess}")
            else:
                self._feed_back(now_s)
            return
        excess = self._tolerances.goal.excess(names, error)
        if not excess:
            self._goals.end("succeed", _result(Result.SUCCESSFUL, "Goal successfully reached!"))
        elif 0.0 < self._tolerances.goal_time_s < overdue_s:
            text = f"Aborted due to goal_time_tolerance exceeding by {overdue_s:.3f} seconds: {excess}"
            self._violated(Result.GOAL_TOLERANCE_VIOLATED, text)

    def _violated(self, code: int, text: str) -> None:
        self._node.get_logger().warning(f"{self._name}: {text}; holding", throttle_duration_sec=1.0)
        self._goals.end("abort", _result(code, text))
        self._executor.hold(self._measured.position)

    def _error(self, now_s: float) -> Motion:
        """Desired minus measured motion; the measured acceleration is not known and counts as none."""
        desired, measured = self._executor.sample(now_s), self._measured
        still = np.zeros_like(desired.position)
        return Motion(desired.position - measured.position, desired.velocity - measured.velocity, still)

    def _on_trajectory(self, message: JointTrajectory) -> None:
        try:
            self._executor.replace(message.joint_names, *self._read(message))
        except TrajectoryError as error:
            self._node.get_logger().error(f"{self._name}: trajectory refused: {error}", throttle_duration_sec=2.0)
            return
        if not self._goals.is_running:
            self._tolerances = self._defaults

    def _why_refuse(self, goal: FollowJointTrajectory.Goal) -> str:
        try:
            points, _, delay_s = self._read(goal.trajectory)
            self._executor.check(goal.trajectory.joint_names, points, delay_s)
        except TrajectoryError as error:
            return str(error)
        return ""

    def _start(self, goal: FollowJointTrajectory.Goal) -> None:
        allowed_s = seconds(goal.goal_time_tolerance)
        try:
            self._tolerances = self._defaults.for_goal(
                self._executor.names, goal.path_tolerance, goal.goal_tolerance, allowed_s
            )
        except TrajectoryError as error:
            self._tolerances = self._defaults
            self._node.get_logger().error(f"{self._name}: {error}; the default tolerances are used")
        self._executor.replace(goal.trajectory.joint_names, *self._read(goal.trajectory))

    def _read(self, message: JointTrajectory) -> tuple[list[Waypoint], float, float]:
        """Points, the present on the monotonic clock, and the delay until the start that the header asks for."""
        if any(len(point.effort) for point in message.points):
            raise TrajectoryError("points have efforts; this controller commands positions")
        stamp_s = seconds(message.header.stamp)
        delay_s = stamp_s - seconds(self._stamp()) if stamp_s else 0.0
        return [_waypoint(point) for point in message.points], time.monotonic(), delay_s

    def _feed_back(self, now_s: float) -> None:
        if not self._goals.is_running or now_s - self._feedback_at < FEEDBACK_PERIOD_S:
            return
        self._feedback_at, feedback = now_s, FollowJointTrajectory.Feedback(joint_names=list(self._executor.names))
        feedback.header.stamp = self._stamp()
        feedback.desired = _point(self._executor.sample(now_s))
        feedback.actual, feedback.error = _point(self._measured), _point(self._error(now_s))
        self._goals.publish_feedback(feedback)

    def _publish_state(self) -> None:
        now_s = time.monotonic()
        state = JointTrajectoryControllerState(joint_names=list(self._executor.names))
        if hasattr(state, "speed_scaling_factor"):  # not in Humble's
            state.speed_scaling_factor = 1.0
        state.header.stamp = self._stamp()
        state.reference = state.output = _point(self._executor.sample(now_s))
        state.feedback, state.error = _point(self._measured), _point(self._error(now_s))
        self._states.publish(state)


def _result(code: int, text: str) -> FollowJointTrajectory.Result:
    return FollowJointTrajectory.Result(error_code=code, error_string=text)


def _waypoint(point: JointTrajectoryPoint) -> Waypoint:
    velocity = np.array(point.velocities) if len(point.velocities) else None
    acceleration = np.array(point.accelerations) if len(point.accelerations) else None
    return Waypoint(seconds(point.time_from_start), np.array(point.positions), velocity, acceleration)


def _point(motion: Motion) -> JointTrajectoryPoint:
    return JointTrajectoryPoint(positions=motion.position.tolist(), velocities=motion.velocity.tolist())
