"""The only way from any source of commands to the robot: limits, freshness, heartbeats, the emergency stop."""

from __future__ import annotations

import sys
import threading
import time

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from robot_wm.errors import RobotWmError
from robot_wm.safety.command import Command, GuardSettings
from robot_wm.safety.freshness import Bounds, Freshness
from robot_wm.safety.guard import Guard
from robot_wm.safety.watch import Watch
from ros_nodes.arm_commands import COMMAND, GRIPPER_COMMAND, Drive, Tick
from ros_nodes.command_interfaces import arm_interface, gripper_interface
from ros_nodes.conversions import gripper_positions_from, joint_command_from, joints_from, seconds
from ros_nodes.heart import TOPIC as HEARTBEAT
from ros_nodes.heart import beat_from
from ros_nodes.managed_node import Change, ManagedNode
from ros_nodes.node_process import run
from ros_nodes.qos import BEATS, LATEST, SENSOR
from ros_nodes.robot_config import RobotConfig, RobotConfigError
from ros_nodes.robot_safety import constraints_of
from ros_nodes.safety_voice import SafetyVoice

HELD_UP_S = 0.05
"""A tick that took so long says nothing: the robot has gone its way to rest meanwhile."""


class SafetyNode(ManagedNode):
    """Passes commands on within all limits; holds, or is stopped until `safety/reset`, and says why."""

    def __init__(self) -> None:
        super().__init__("safety_node")
        once, lower = Change.UNCONFIGURED, Change.LOWER
        self.parameter("robot", "panda_sim", "Robot configuration: a name in config/robots or a path.", change=once)
        self.parameter("rate", 125.0, "Commands a second.", 50.0, 1000.0, once)
        self.parameter("watched", [""], "Nodes that must be alive while the arm moves.", change=once)
        self.parameter("allow_loosening", False, "Let the robot's file loosen what is watched by default.", change=once)
        self.parameter("command_timeout_s", 0.1, "Longest silence of the commands, seconds.", 0.02, 1.0, lower)
        self.parameter("joints_timeout_s", 0.25, "Longest silence of the joint states, seconds.", 0.02, 1.0, lower)

    def on_setup(self) -> None:
        robot = self._robot = RobotConfig.load(self.get_parameter("robot").value)
        self.hardware, arm = robot.name, robot.arm()
        self._check_loosening()
        interface = arm_interface(robot)
        self._settings = GuardSettings(
            tick_s=1.0 / self.get_parameter("rate").value,
            command_timeout_s=self.get_parameter("command_timeout_s").value,
            tracking=interface.tracking,
        )
        self._guard = Guard(robot.motion_limits(arm), constraints_of(robot, arm), self._settings)
        self._watch = Watch(self._guard, self._watched(), self.get_parameter("joints_timeout_s").value)
        self._command_freshness = Freshness("command", Bounds(0.1, float("inf")))
        self._ticking, self._is_stopped = threading.Lock(), True
        self._following_since_s: float | None = None
        self._unanswered_s: float | None = None
        self._connect(Drive(self, robot, arm, self, MutuallyExclusiveCallbackGroup(), self._release.append))

    def _connect(self, drive: Drive) -> None:
        """Messages that move the arm, the stop, and heartbeats come in groups of their own: none waits for another."""
        motion, control, beats = drive.group, MutuallyExclusiveCallbackGroup(), MutuallyExclusiveCallbackGroup()
        self._commands, self._latency = self.meter("command"), self.meter("command_to_robot")
        self._joints_meter, self._ticks = self.meter("joint_states"), self.meter("tick")
        self._arm, self._gripper = arm_interface(self._robot)(drive), gripper_interface(self._robot)(drive)
        self._voice = SafetyVoice(self, self._health, self._guard, self._heart.instance)
        self.listen(JointState, self._robot.topics.joint_states, self._on_joints, SENSOR, motion)
        self.listen(JointTrajectory, COMMAND, self._on_command, LATEST, motion)
        self.listen(Float64MultiArray, GRIPPER_COMMAND, self._on_gripper, LATEST, motion)
        self.every(self._settings.tick_s, self._tick, motion)
        self.listen(DiagnosticArray, HEARTBEAT, self._on_beat, BEATS, beats)
        self.listen(Bool, "safety/estop_button", self._on_button, LATEST, control)
        self.offer(Trigger, "safety/estop", self._on_estop, control)
        self.offer(Trigger, "safety/reset", self._on_reset, control)
        self.every(1.0, self._voice.repeat, control)

    def _watched(self) -> list[str]:
        return [name for name in self.get_parameter("watched").value or () if name]

    def _check_loosening(self) -> None:
        loosened = self._robot.safety.loosened()
        if loosened and not self.get_parameter("allow_loosening").value:
            raise RobotConfigError(
                f"robot '{self._robot.name}': safety: {'; '.join(loosened)}; tighten it, or start safety_node with "
                "-p allow_loosening:=true"
            )
        for each in loosened:
            self.get_logger().warning(f"loosened: {each}")
        if not self._watched():
            self.get_logger().warning("parameter 'watched' is empty: no node's death stops the arm but the source's")
        if not self._robot.safety.keep_out:
            self.get_logger().warning("safety.keep_out of the robot's file is empty: no table or other box is known")

    @property
    def following_stamp_s(self) -> float | None:
        """When following began; None while holding."""
        return self._following_since_s

    def ahead(self, now_s: float, horizon_s: float, tick_s: float) -> list:
        """What the guard would do next, and the stop after it."""
        return self._guard.ahead(time.monotonic(), horizon_s, tick_s)

    def on_start(self) -> None:
        """Where other parts run already, this one was started anew in their midst, and somebody has to look first."""
        self._watch.start(time.monotonic())
        self._is_stopped = False
        self._voice.repeat()

    def on_stop(self) -> None:
        """The arm comes to rest by the tail of the last command; nothing is commanded any more, and all are told."""
        with self._ticking:
            self._is_stopped = True
            self._arm.send(None, Tick(self._settings.tick_s))
        self._voice.tell("stopped", "safety_node is not active")

    def _on_beat(self, message: DiagnosticArray) -> None:
        beat = beat_from(message)
        if beat is None:
            self._guard.counts.add("heartbeat")
        else:
            self._watch.take(beat, time.monotonic())

    def _on_button(self, message: Bool) -> None:
        if message.data:
            self._guard.stop("emergency stop: button")

    def _on_estop(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._guard.stop("emergency stop: service")
        response.success, response.message = True, "stopped; safety/reset ends it"
        return response

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        was = self._guard.stop_reason
        self._watch.reset()
        response.success = True
        response.message = f"was stopped: {was}; commands must pause before the arm moves" if was else "was not stopped"
        self.get_logger().info(f"reset: {response.message}")
        return response

    def _on_joints(self, message: JointState) -> None:
        now_s = time.monotonic()
        try:
            joints = joints_from(message, self._robot.joints, self._robot.topics.joint_states)
        except RobotWmError as error:
            self._refuse("joint states", str(error))
            return
        reason = self._watch.joints.accept(seconds(message.header.stamp), self.now_s(), now_s)
        if reason:
            self._refuse("joint states", reason, hold=False)
            return
        self._joints_meter.tick(self.now_s() - seconds(message.header.stamp))
        self._guard.measure(joints, now_s)

    def _on_command(self, message: JointTrajectory) -> None:
        now_s = time.monotonic()
        try:
            position, velocity, due_s = joint_command_from(message, self._robot.joints, COMMAND)
        except RobotWmError as error:
            self._refuse("command", str(error))
            return
        stamp_s = seconds(message.header.stamp)
        reason = self._command_freshness.accept(stamp_s, self.now_s(), now_s)
        if reason:
            self._refuse("command", reason)
            return
        reason = self._guard.accept(Command(position, velocity, now_s + due_s, now_s))
        if reason:
            self._commands.drop()
            self.get_logger().warning(f"command refused: {reason}", throttle_duration_sec=2.0)
            return
        self._commands.tick(self.now_s() - stamp_s)
        self._unanswered_s = stamp_s

    def _on_gripper(self, message: Float64MultiArray) -> None:
        try:
            positions = gripper_positions_from(message, self._robot.gripper, GRIPPER_COMMAND)
        except RobotWmError as error:
            self._refuse("gripper", str(error))
            return
        if self._guard.state != "stopped":
            self._gripper.send(self._robot.gripper.opening(positions))

    def _refuse(self, kind: str, reason: str, *, hold: bool = True) -> None:
        if hold:
            self._guard.distrust(kind, reason, time.monotonic())
        else:
            self._guard.counts.add(kind)
        (self._commands if kind == "command" else self._joints_meter).drop()
        self.get_logger().error(reason, throttle_duration_sec=2.0)

    def _tick(self) -> None:
        with self._ticking:
            if not self._is_stopped:
                self._guard_tick()

    def _guard_tick(self) -> None:
        begun, monotonic_s, settings = self.get_clock().now(), time.monotonic(), self._settings
        now_s = begun.nanoseconds * 1e-9
        motion = self._guard.step(monotonic_s, self._watch.why_hold(now_s, monotonic_s))
        tail, trusts_clock = self._guard.tail, self._watch.trusts_clock
        if time.monotonic() - monotonic_s < HELD_UP_S:
            self._arm.send(motion, Tick(settings.tick_s, tail, settings.stop_spacing_s, trusts_clock, begun.to_msg()))
        if self._guard.state != "following":
            self._following_since_s = None
        elif self._following_since_s is None:
            self._following_since_s = now_s
        if motion is not None and self._unanswered_s is not None and self._guard.state == "following":
            self._latency.tick(self.now_s() - self._unanswered_s)
            self._unanswered_s = None
        self._ticks.tick(time.monotonic() - monotonic_s)
        self._voice.say()

    def details(self) -> dict[str, str]:
        if self.stage == "unconfigured":
            return {}
        refused = {f"refused.{kind}": str(count) for kind, count in self._guard.counts.refused.items()}
        for freshness in (self._watch.joints, self._command_freshness):
            refused |= {f"refused.{freshness.what}.{why}": str(count) for why, count in freshness.refused.items()}
        return {"state": self._guard.state, "reason": self._guard.reason} | refused


def main(args: list[str] | None = None) -> int:
    return run(SafetyNode, args, threads=6)


if __name__ == "__main__":
    sys.exit(main())
