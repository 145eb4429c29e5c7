"""A person's device in, end-effector chunks out; they take the planner's way, through controller_node and safety_node.

What it hears from any program that drives, such as the console's gizmo:

- `teleop/pose` (geometry_msgs/PoseStamped): the pose that the tool (the robot's `ee_frame`) is to have; `frame_id` is
  the robot's `base_frame`, the stamp the present ROS time; at least 10 Hz while the switch is held.
- `teleop/deadman` (std_msgs/Bool): true at least 10 times a second while the dead-man switch is held; false, or silence
  for `deadman_timeout_s`, is letting go.
- `teleop/gripper` (std_msgs/Float32): wanted opening 0 (closed) … 1 (open); counts while the switch is held, and stays
  until the next. Other values are refused.

What it says: `teleop/plan`, a chunk as on `planner/plan`, of which the first takes control from the planner (an empty
one is "stop"); and `teleop/status` (diagnostic_msgs/DiagnosticStatus, latched), what is driven, refused or limited.
Who is in control is said by controller_node on `control/source`. docs/teleop.md has the whole picture.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.task import Future
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import MultiDOFJointTrajectory

from robot_wm.errors import RobotWmError
from robot_wm.safety.guard import RESTING
from ros_nodes.arm_commands import GRIPPER_COMMAND
from ros_nodes.control_source import GIVE_BACK, PERSON_PLAN, SOURCE, source_of
from ros_nodes.conversions import Plan, arm_state_from, gripper_positions_from, plan_to_message
from ros_nodes.diagnostics import read_values, status
from ros_nodes.managed_node import Change, ManagedNode
from ros_nodes.node_process import run
from ros_nodes.qos import LATCHED, LATEST, SENSOR
from ros_nodes.robot_config import RobotConfig
from ros_nodes.teleop_browser import Browser
from ros_nodes.teleop_device import Cockpit, Device, TeleopError
from ros_nodes.teleop_keyboard import Keyboard
from ros_nodes.teleop_pads import Gamepad, JoyLayout, SpaceMouse
from ros_nodes.teleop_reference import TeleopLimits
from ros_nodes.teleop_session import TIMES_S, Chunk, TeleopSession, Tool, Wish

DEVICES: dict[str, Callable[[Cockpit], Device]] = {"keyboard": Keyboard, "joy": Gamepad, "twist": SpaceMouse}
STATUS = "teleop/status"
JOINTS_TIMEOUT_S = 0.25
CLOSEST_S = 0.008
"""Shortest time between two chunks: no device is followed faster than the controller ticks."""
SHOWN_S = 1.0
"""How long it is shown that safety_node held back a motion; it lets the next try pass for an instant."""
INSIDE_M = 0.01
"""How far inside the workspace of the robot's file a person's pose stops."""


class TeleopNode(ManagedNode):
    """Lets a person drive while a dead-man switch is held."""

    def __init__(self) -> None:
        super().__init__("teleop_node")
        once, lower, layout = Change.UNCONFIGURED, Change.LOWER, JoyLayout()
        self.parameter("robot", "panda_sim", "Robot configuration: a name in config/robots or a path.", change=once)
        self.parameter("device", "pose", f"{', '.join(DEVICES)}, or pose for the browser alone.", change=once)
        self.parameter("rate", 50.0, "Chunks a second, beside one for each word of the device.", 10.0, 100.0, once)
        self.parameter("linear_speed", 0.15, "Highest speed of the tool, m/s.", 0.001, 1.0, lower)
        self.parameter("angular_speed", 0.5, "Highest speed of turning, rad/s; 0 keeps the rotation.", 0.0, 3.0, lower)
        self.parameter("max_jump_m", 0.1, "Farthest pose from the tool that may be begun with.", 0.0, 1.0, lower)
        self.parameter("max_jump_rad", 0.5, "The same for the rotation.", 0.0, 3.2, lower)
        self.parameter("deadman_timeout_s", 0.25, "Silence of the device that is letting go.", 0.05, 1.0, lower)
        self.parameter("joy_axes", list(layout.axes), "Axes of x, y, z and yaw, -1 for none.", change=once)
        self.parameter("joy_signs", list(layout.signs), "Their signs.", change=once)
        self.parameter(
            "joy_buttons", list(layout.buttons), "Dead-man, sticks turn, open, close, give back; -1: none.", change=once
        )

    def on_setup(self) -> None:
        robot = self._robot = RobotConfig.load(self.get_parameter("robot").value)
        self.hardware, self._arm = robot.name, robot.arm()
        self._session = TeleopSession(self._limits())
        self._joints: tuple[float, np.ndarray, float] | None = None
        self._opening: float | None = None
        self._veto, self._source, self._said, self._gives_back = "", "", "", False
        self._held_back, self._sent_s, self._held_back_s = "", -np.inf, -np.inf
        self._chunks = self.meter("chunk")
        self._plans = self.advertise(MultiDOFJointTrajectory, PERSON_PLAN, LATEST)
        self._statuses = self.advertise(DiagnosticStatus, STATUS, LATCHED)
        group = MutuallyExclusiveCallbackGroup()
        self._giving_back = self.create_client(Trigger, GIVE_BACK, callback_group=group)
        self._release.append(lambda: self.destroy_client(self._giving_back))
        self.listen(JointState, robot.topics.joint_states, self._on_joints, SENSOR, group)
        self.listen(Float64MultiArray, GRIPPER_COMMAND, self._on_gripper_command, LATEST, group)
        self.listen(DiagnosticArray, "safety/state", self._on_safety, LATCHED, group)
        self.listen(String, SOURCE, self._on_source, LATCHED, group)
        self._devices = self._plug_in(group)
        self.every(1.0 / self.get_parameter("rate").value, self._step, group)

    def _plug_in(self, group: MutuallyExclusiveCallbackGroup) -> list[Device]:
        name = self.get_parameter("device").value
        if name != "pose" and name not in DEVICES:
            raise TeleopError(f"device is '{name}'; it must be one of {', '.join((*DEVICES, 'pose'))}")
        cockpit = Cockpit(
            node=self,
            group=group,
            base_frame=self._robot.base_frame,
            timeout_s=lambda: self.get_parameter("deadman_timeout_s").value,
            opening=self._present_opening,
            changed=self._step_early,
            give_back=self._on_give_back,
        )
        devices: list[Device] = [Browser(cockpit)]
        if name in DEVICES:
            devices.append(DEVICES[name](cockpit))
            self._release.append(devices[-1].close)
        return devices

    def on_start(self) -> None:
        """Whoever holds a switch already lets go first."""
        self._said = ""
        self._session.refuse(self._wishes(), "teleop_node has just been started; let go first")

    def on_stop(self) -> None:
        """The arm is left to nobody."""
        chunk = self._session.refuse(self._wishes(), "teleop_node is not active")
        if chunk is not None:
            self._send(chunk)
        self._say()

    def details(self) -> dict[str, str]:
        if self.stage == "unconfigured":
            return {}
        return {"device": self.get_parameter("device").value, "driver": self._session.driver, "source": self._source}

    def _limits(self) -> TeleopLimits:
        names = ("linear_speed", "angular_speed", "max_jump_m", "max_jump_rad")
        limits = {name: self.get_parameter(name).value for name in names}
        workspace = self._robot.safety.workspace
        if workspace is None:
            return TeleopLimits(**limits)
        low, high = (
            tuple(np.add(side, by).tolist()) for side, by in ((workspace.low, INSIDE_M), (workspace.high, -INSIDE_M))
        )
        return TeleopLimits(**limits, low=low, high=high)

    def _on_joints(self, message: JointState) -> None:
        try:
            state = arm_state_from(message, self._robot, self._robot.topics.joint_states)
        except RobotWmError as error:
            self.get_logger().error(str(error), throttle_duration_sec=2.0)
            return
        self._joints = time.monotonic(), *state

    def _on_gripper_command(self, message: Float64MultiArray) -> None:
        """What was commanded last, by whomever: a gripper that holds something must not be opened by taking over."""
        positions = gripper_positions_from(message, self._robot.gripper, GRIPPER_COMMAND)
        self._opening = self._robot.gripper.opening(positions)

    def _present_opening(self) -> float:
        if self._opening is not None:
            return self._opening
        return 0.0 if self._joints is None else self._joints[2]

    def _on_safety(self, message: DiagnosticArray) -> None:
        values = read_values(message, "safety") or {}
        state, reason = values.get("message"), values.get("reason", "unknown")
        self._veto = f"safety has stopped the robot: {reason}" if state == "stopped" else ""
        if state == "holding" and reason not in RESTING:
            self._held_back, self._held_back_s = reason, time.monotonic()

    def _on_source(self, message: String) -> None:
        self._source = source_of(message.data)

    def _on_give_back(self) -> None:
        """The device asks for it; any thread."""
        self._gives_back = True

    def _tool(self, now_s: float) -> Tool | None:
        if self._joints is None or now_s - self._joints[0] > JOINTS_TIMEOUT_S:
            return None
        return Tool(self._arm.forward(self._joints[1]), self._present_opening())

    def _wishes(self) -> list[Wish]:
        now_s = time.monotonic()
        return [device.wish(now_s) for device in self._devices]

    def _step_early(self) -> None:
        """At once when a device has said something, so that it does not wait for the timer."""
        if self.is_active and time.monotonic() - self._sent_s >= CLOSEST_S:
            self._step()

    def _step(self) -> None:
        wishes, now_s = self._wishes(), time.monotonic()
        is_wanted = bool(self._session.driver) or any(wish.held for wish in wishes)
        self._session.limits = self._limits()
        chunk = self._session.step(now_s, wishes, self._tool(now_s) if is_wanted else None, self._veto)
        if self._gives_back:
            chunk = self._session.refuse(wishes, "control was given back; let go first") or chunk
            self._give_back()
        if chunk is not None:
            self._send(chunk)
        self._say()

    def _give_back(self) -> None:
        """Once the controller has noted the "stop": who holds the switch cannot give back."""
        if self._source == "person":
            return
        self._gives_back = False
        if not self._giving_back.service_is_ready():
            self.get_logger().error(f"{GIVE_BACK} is not there; is controller_node running?")
            return
        self._giving_back.call_async(Trigger.Request()).add_done_callback(self._on_given_back)

    def _on_given_back(self, future: Future) -> None:
        answer = future.result()
        if not answer.success:
            self.get_logger().warning(f"not given back: {answer.message}")

    def _send(self, chunk: Chunk) -> None:
        self._sent_s, stamp_s = time.monotonic(), self.now_s()
        stamp = self.get_clock().now().to_msg()
        size = len(chunk.poses)
        plan = Plan(stamp_s, TIMES_S[:size], chunk.poses, np.full(size, chunk.opening))
        self._plans.publish(plan_to_message(plan, stamp, self._robot.base_frame, self._robot.ee_frame))
        self._chunks.tick()

    def _say(self) -> None:
        """Says what is new."""
        words, is_warning = self._session.status, self._session.is_warning
        if self._session.driver and time.monotonic() - self._held_back_s < SHOWN_S:
            words, is_warning = f"driving: {self._session.driver}; safety: {self._held_back}", True
        level = DiagnosticStatus.WARN if is_warning else DiagnosticStatus.OK
        if words == self._said:
            return
        self._said = words
        self._statuses.publish(status("teleop", self.hardware, level, words, {"driver": self._session.driver}))
        self.report(level, words)


def main(args: list[str] | None = None) -> int:
    return run(TeleopNode, args)


if __name__ == "__main__":
    sys.exit(main())
