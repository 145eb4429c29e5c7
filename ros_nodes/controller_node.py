"""End-effector chunks in, joint trajectories out: inverse kinematics, limits and the stop when plans go stale."""

from __future__ import annotations

import sys
import time

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint, MultiDOFJointTrajectory

from robot_wm.errors import RobotWmError
from robot_wm.motion import Motion
from ros_nodes.chunk_follower import ChunkFollower, FollowerSettings
from ros_nodes.conversions import duration, joints_from, message_to_plan
from ros_nodes.managed_node import ManagedNode, run
from ros_nodes.qos import LATEST, SENSOR
from ros_nodes.robot_config import RobotConfig

PLAN = "planner/plan"
RESTING = ("no plan yet", "planner says stop")
"""Reasons to hold that are nobody's fault."""


class ControllerNode(ManagedNode):
    """Follows the newest plan at its own rate; holds, and says why, when there is no plan that may be followed."""

    def __init__(self) -> None:
        super().__init__("controller_node")
        self.parameter("robot", "panda_sim", "Robot configuration: a name in config/robots or a path.")
        self.parameter("rate", 125.0, "Joint commands a second.", 50.0, 1000.0)
        self.parameter("plan_max_age_s", 0.8, "Oldest observation whose plan is still followed, seconds.", 0.05, 10.0)
        self.parameter("plan_timeout_s", 0.5, "Longest silence between plans, seconds.", 0.05, 10.0)
        self.parameter("joints_timeout_s", 0.25, "Longest silence of the joint states, seconds.", 0.02, 10.0)

    def on_setup(self) -> None:
        self._robot = RobotConfig.load(self.get_parameter("robot").value)
        self.hardware = self._robot.name
        arm = self._robot.arm()
        self._settings = FollowerSettings(
            tick_s=1.0 / self.get_parameter("rate").value,
            plan_max_age_s=self.get_parameter("plan_max_age_s").value,
            plan_timeout_s=self.get_parameter("plan_timeout_s").value,
            joints_timeout_s=self.get_parameter("joints_timeout_s").value,
            speed=self._robot.speed,
        )
        limits, posture = self._robot.motion_limits(arm), np.array(self._robot.posture)
        self._follower = ChunkFollower(arm, limits, posture, self._settings)
        self._answered_stamp_s, self._opening = -np.inf, np.nan
        self._commands, self._plans = self.meter("command"), self.meter("plan")
        self._latency, self._ticks = self.meter("camera_to_command"), self.meter("tick")
        robot, group = self._robot, MutuallyExclusiveCallbackGroup()
        self._trajectory = self.advertise(JointTrajectory, robot.command.endpoint.name, LATEST)
        self._gripper = self.advertise(Float64MultiArray, robot.gripper.endpoint.name, LATEST)
        self.listen(JointState, robot.topics.joint_states, self._on_joints, SENSOR, group)
        self.listen(MultiDOFJointTrajectory, PLAN, self._on_plan, LATEST, group)
        self.every(self._settings.tick_s, self._tick, group, Clock(clock_type=ClockType.STEADY_TIME))

    def _on_joints(self, message: JointState) -> None:
        try:
            joints = joints_from(message, self._robot.joints, self._robot.topics.joint_states)
        except RobotWmError as error:
            self.get_logger().error(str(error), throttle_duration_sec=2.0)
            return
        self._follower.measure(joints, time.monotonic())

    def _on_plan(self, message: MultiDOFJointTrajectory) -> None:
        try:
            plan = message_to_plan(message, self._robot.base_frame, self._robot.ee_frame, PLAN)
        except RobotWmError as error:
            self._plans.drop()
            self.get_logger().error(str(error), throttle_duration_sec=2.0)
            return
        now_s = self.now_s()
        if self._follower.accept(plan, now_s, time.monotonic()):
            self._plans.tick(now_s - plan.stamp_s)
        else:
            self._plans.drop()
            self.get_logger().warning("plan dropped: older than the present one", throttle_duration_sec=2.0)

    def _tick(self) -> None:
        start, now_s = time.monotonic(), self.now_s()
        motion = self._follower.step(now_s, start)
        if motion is not None:
            self._command(motion)
            self._commands.tick()
        self._count_latency(motion)
        self._move_gripper(now_s)
        self._ticks.tick(time.monotonic() - start)
        self._say(self._follower.reason)

    def _say(self, reason: str) -> None:
        if not reason:
            self.report(DiagnosticStatus.OK, "following the plan")
        elif reason in RESTING:
            self.report(DiagnosticStatus.OK, f"holding: {reason}")
        else:
            self.report(DiagnosticStatus.WARN, f"holding: {reason.partition(':')[0]}", f"holding: {reason}")

    def _command(self, motion: Motion) -> None:
        point = JointTrajectoryPoint(
            positions=motion.position.tolist(),
            velocities=motion.velocity.tolist(),
            time_from_start=duration(self._settings.tick_s),
        )
        self._trajectory.publish(JointTrajectory(joint_names=list(self._robot.joints), points=[point]))

    def _count_latency(self, motion: Motion | None) -> None:
        """Measures from the camera's stamp to the first joint command of each plan."""
        stamp_s = self._follower.following_stamp_s
        if motion is not None and stamp_s is not None and stamp_s != self._answered_stamp_s:
            self._answered_stamp_s = stamp_s
            self._latency.tick(self.now_s() - stamp_s)

    def _move_gripper(self, now_s: float) -> None:
        opening = self._follower.opening(now_s)
        if opening is None or abs(opening - self._opening) < 0.01:
            return
        self._opening = opening
        self._gripper.publish(Float64MultiArray(data=self._robot.gripper.positions(opening)))


def main(args: list[str] | None = None) -> int:
    return run(ControllerNode, args)


if __name__ == "__main__":
    sys.exit(main())
