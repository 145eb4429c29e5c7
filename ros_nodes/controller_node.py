"""End-effector chunks in, joint commands out: who is in control, inverse kinematics, limits, stops on stale plans."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import MultiDOFJointTrajectory

from robot_wm.errors import RobotWmError
from robot_wm.motion import Motion, MotionLimits
from robot_wm.safety.guard import RESTING as WAITING
from ros_nodes.arm_commands import Drive, GuardedJoints, Tick
from ros_nodes.chunk_follower import ChunkFollower, FollowerSettings
from ros_nodes.command_interfaces import arm_interface, gripper_interface
from ros_nodes.control_source import GIVE_BACK, PERSON_PLAN, SOURCE, TAKE, ControlSource
from ros_nodes.conversions import Plan, joints_from, message_to_plan
from ros_nodes.diagnostics import Meter, read_values
from ros_nodes.gripper_commands import GuardedGripper
from ros_nodes.managed_node import Change, ManagedNode
from ros_nodes.node_process import run
from ros_nodes.qos import LATCHED, LATEST, SENSOR
from ros_nodes.robot_config import RobotConfig

PLAN = "planner/plan"
RESTING = ("no plan yet", "planner says stop")
"""Reasons to hold that are nobody's fault."""
QUIET_S = 1.0
"""A person who pushes against a limit is held back many times a second, of which not each is worth a word."""


class ControllerNode(ManagedNode):
    """Follows the newest plan at its own rate; holds, and says why, when there is no plan that may be followed."""

    def __init__(self) -> None:
        super().__init__("controller_node")
        once, lower = Change.UNCONFIGURED, Change.LOWER
        self.parameter("robot", "panda_sim", "Robot configuration: a name in config/robots or a path.", change=once)
        self.parameter(
            "unguarded", False, "Command the robot itself, past safety_node; for tests on a bench alone.", change=once
        )
        self.parameter("rate", 125.0, "Commands a second.", 50.0, 1000.0)
        self.parameter("speed_scale", 1.0, "Share of the robot's speed that may be used.", 0.01, 1.0, lower)
        self.parameter("plan_max_age_s", 0.8, "Oldest observation whose plan is followed, seconds.", 0.05, 10.0, lower)
        self.parameter("plan_timeout_s", 0.5, "Longest silence between plans, seconds.", 0.05, 10.0, lower)
        self.parameter("joints_timeout_s", 0.25, "Longest silence of the joint states, seconds.", 0.02, 10.0, lower)

    def on_setup(self) -> None:
        robot = self._robot = RobotConfig.load(self.get_parameter("robot").value)
        self.hardware, self._kinematics = robot.name, robot.arm()
        arm_command, gripper, guarded = arm_interface(robot), gripper_interface(robot), not self._is_unguarded()
        self._tracking = arm_command.tracking
        self._settings = self._tuning()
        self._follower = ChunkFollower(self._kinematics, self._limits(), np.array(robot.posture), self._settings)
        self._commands, self._plans = self.meter("command"), self.meter("plan")
        self._latency, self._ticks = self.meter("camera_to_command"), self.meter("tick")
        self._person_plans, self._person_latency = self.meter("person_plan"), self.meter("person_to_command")
        self._control, self._told = ControlSource(), ""
        self._vetoed_s = -np.inf
        self._sources = self.advertise(String, SOURCE, LATCHED)
        group = MutuallyExclusiveCallbackGroup()
        drive = Drive(self, robot, self._kinematics, self._follower, group, self._release.append)
        self._arm = GuardedJoints(drive) if guarded else arm_command(drive)
        self._gripper = GuardedGripper(drive) if guarded else gripper(drive)
        self.listen(JointState, robot.topics.joint_states, self._on_joints, SENSOR, group)
        self.listen(MultiDOFJointTrajectory, PLAN, self._on_plan, LATEST, group)
        self.listen(MultiDOFJointTrajectory, PERSON_PLAN, self._on_person_plan, LATEST, group)
        self.offer(Trigger, TAKE, self._on_take, group)
        self.offer(Trigger, GIVE_BACK, self._on_give_back, group)
        if guarded:
            self.listen(DiagnosticArray, "safety/state", self._on_safety, LATCHED, group)
        self._ticking, self._is_stopped = threading.Lock(), True
        self.every(lambda: self._settings.tick_s, self._tick, group)

    def _is_unguarded(self) -> bool:
        unguarded = bool(self.get_parameter("unguarded").value)
        if unguarded:
            self.get_logger().warning("unguarded: commands go to the robot past safety_node, which cannot stop them")
        return unguarded

    def on_start(self) -> None:
        """Somebody else may have moved the arm since the last motion."""
        self._follower.reset()
        self._answered_stamp_s, self._opening, self._is_stopped = -np.inf, np.nan, False
        self._told = ""
        self._tell_source()

    def on_stop(self) -> None:
        """Nothing is commanded any more once this returns."""
        with self._ticking:
            self._is_stopped = True
            self._arm.send(None, Tick(self._settings.tick_s))

    def _tuning(self) -> FollowerSettings:
        """What the parameters say now."""
        return FollowerSettings(
            tick_s=1.0 / self.get_parameter("rate").value,
            plan_max_age_s=self.get_parameter("plan_max_age_s").value,
            plan_timeout_s=self.get_parameter("plan_timeout_s").value,
            joints_timeout_s=self.get_parameter("joints_timeout_s").value,
            speed=self._robot.speed * self.get_parameter("speed_scale").value,
            tracking=self._tracking,
        )

    def _limits(self) -> MotionLimits:
        limits = self._robot.motion_limits(self._kinematics)
        return replace(limits, velocity=self.get_parameter("speed_scale").value * limits.velocity)

    def _retune(self) -> None:
        """Takes over changed parameters; at the start of a tick, since the next one comes after the new period."""
        settings = self._tuning()
        if settings != self._settings:
            self._settings = settings
            self._follower.tune(self._limits(), settings)

    def _on_joints(self, message: JointState) -> None:
        try:
            joints = joints_from(message, self._robot.joints, self._robot.topics.joint_states)
        except RobotWmError as error:
            self.get_logger().error(str(error), throttle_duration_sec=2.0)
            return
        self._follower.measure(joints, time.monotonic())

    def _on_safety(self, message: DiagnosticArray) -> None:
        """While safety does not let commands pass, none are made: the next motion begins where the arm is then."""
        values = read_values(message, "safety") or {}
        passes = values.get("message") == "following" or values.get("reason") in WAITING
        self._follower.veto = "" if passes else f"safety: {values.get('reason', 'unknown')}"
        if not passes:
            self._vetoed_s = time.monotonic()

    def _on_plan(self, message: MultiDOFJointTrajectory) -> None:
        """Follows the planner's plan, unless somebody else is in control."""
        plan = self._plan_of(message, PLAN, self._plans)
        if plan is not None and self._control.source == "planner":
            self._accept(plan, self._plans)

    def _on_person_plan(self, message: MultiDOFJointTrajectory) -> None:
        """Follows a person's plan, which takes control if it has poses."""
        plan = self._plan_of(message, PERSON_PLAN, self._person_plans)
        if plan is None:
            return
        is_stop = not len(plan.times_s)
        if self._control.heed_person(is_stop, time.monotonic()):
            self._tell_source()
            if not is_stop:
                self._accept(plan, self._person_plans)

    def _plan_of(self, message: MultiDOFJointTrajectory, topic: str, plans: Meter) -> Plan | None:
        """The plan of a message; None where it is nonsense, and who sends that is not followed any further."""
        try:
            return message_to_plan(message, self._robot.base_frame, self._robot.ee_frame, topic)
        except RobotWmError as error:
            plans.drop()
            if self._control.source == ("planner" if topic == PLAN else "person"):
                self._follower.forget_plan()
            self.get_logger().error(str(error), throttle_duration_sec=2.0)
            return None

    def _accept(self, plan: Plan, plans: Meter) -> None:
        now_s, hastens = self.now_s(), self._control.source == "planner"
        if self._follower.accept(plan, now_s, time.monotonic(), hastens=hastens):
            plans.tick(now_s - plan.stamp_s)
        else:
            plans.drop()
            self.get_logger().warning("plan dropped: older than the present one", throttle_duration_sec=2.0)

    def _on_take(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._control.take()
        self._tell_source()
        response.success, response.message = True, str(self._control)
        return response

    def _on_give_back(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        refusal = self._control.give_back()
        self._tell_source()
        response.success, response.message = not refusal, refusal or str(self._control)
        return response

    def _tell_source(self) -> None:
        """Publishes who is in control when it is news; what was planned by somebody else is forgotten."""
        text = str(self._control)
        if text == self._told:
            return
        self._follower.forget_plan()
        self._told = text
        self._sources.publish(String(data=text))
        self.get_logger().info(f"in control: {text}")

    def _tick(self) -> None:
        with self._ticking:
            if not self._is_stopped:
                self._follow()

    def _follow(self) -> None:
        self._retune()
        start, now_s = time.monotonic(), self.now_s()
        self._control.look(start)
        self._tell_source()
        motion = self._follower.step(now_s, start)
        self._arm.send(motion, Tick(self._settings.tick_s))
        if motion is not None:
            self._commands.tick()
        self._count_latency(motion)
        self._move_gripper(now_s)
        self._ticks.tick(time.monotonic() - start)
        self._say(self._follower.reason)

    def _say(self, reason: str) -> None:
        person = self._control.source == "person"
        if person and time.monotonic() - self._vetoed_s < QUIET_S:
            self._health.set(DiagnosticStatus.WARN, "following the person, held back by safety_node")
        elif self._control.source == "none" and reason in RESTING:
            self.report(DiagnosticStatus.OK, f"holding: {self._control.reason}")
        elif not reason:
            self.report(DiagnosticStatus.OK, "following the person" if person else "following the plan")
        elif reason in RESTING:
            self.report(DiagnosticStatus.OK, f"holding: {reason}")
        else:
            self.report(DiagnosticStatus.WARN, f"holding: {reason.partition(':')[0]}", f"holding: {reason}")

    def _count_latency(self, motion: Motion | None) -> None:
        """Measures from a plan's stamp, which is the camera's or the person's, to its first joint command."""
        stamp_s = self._follower.following_stamp_s
        if motion is not None and stamp_s is not None and stamp_s != self._answered_stamp_s:
            self._answered_stamp_s = stamp_s
            latency = self._person_latency if self._control.source == "person" else self._latency
            latency.tick(self.now_s() - stamp_s)

    def _move_gripper(self, now_s: float) -> None:
        opening = self._follower.opening(now_s)
        if opening is None or abs(opening - self._opening) < self._gripper.step:
            return
        if self._gripper.send(opening):
            self._opening = opening


def main(args: list[str] | None = None) -> int:
    return run(ControllerNode, args)


if __name__ == "__main__":
    sys.exit(main())
