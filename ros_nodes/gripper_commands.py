"""How an opening reaches a gripper: positions on a topic, or goals of the GripperCommand action."""

from __future__ import annotations

from typing import Protocol

from action_msgs.msg import GoalStatus
from control_msgs.action import GripperCommand
from rclpy.action import ActionClient
from rclpy.task import Future
from std_msgs.msg import Float64MultiArray

from ros_nodes.arm_commands import GRIPPER_COMMAND, Drive
from ros_nodes.qos import LATEST


class GripperInterface(Protocol):
    """A gripper interface.

    Attributes:
        step: Smallest change of the opening that is worth a command.
    """

    step: float

    def __init__(self, drive: Drive) -> None: ...

    def send(self, opening: float) -> bool:
        """Commands an opening 0 … 1; False when there is nobody to take it, so that it is to be tried again."""


class GripperTopic:
    """One position for each gripper joint, as forward_command_controller takes them."""

    step = 0.01

    def __init__(self, drive: Drive) -> None:
        self._gripper = drive.robot.gripper
        self._publisher = drive.node.advertise(Float64MultiArray, self._topic(), LATEST)

    def _topic(self) -> str:
        return self._gripper.endpoint.name

    def send(self, opening: float) -> bool:
        """Publishes the joints' positions."""
        self._publisher.publish(Float64MultiArray(data=self._gripper.positions(opening)))
        return True


class GuardedGripper(GripperTopic):
    """The same for safety_node, whatever the gripper's own interface is."""

    def _topic(self) -> str:
        return GRIPPER_COMMAND


class GripperGoals:
    """The position of one gripper joint as a goal; a new goal replaces the one before."""

    step = 0.05

    def __init__(self, drive: Drive) -> None:
        self._node, self._gripper = drive.node, drive.robot.gripper
        self._name = self._gripper.endpoint.name
        self._client = ActionClient(drive.node, GripperCommand, self._name, callback_group=drive.group)
        drive.on_cleanup(self._client.destroy)

    def send(self, opening: float) -> bool:
        """Sends a goal, if the action's server is there."""
        if not self._client.server_is_ready():
            self._log(f"no action server {self._name}; start the gripper's driver")
            return False
        goal = GripperCommand.Goal()
        goal.command.position = self._gripper.positions(opening)[0]
        goal.command.max_effort = self._gripper.max_effort
        self._client.send_goal_async(goal).add_done_callback(self._on_answer)
        return True

    def _on_answer(self, future: Future) -> None:
        handle = future.result()
        if handle.accepted:
            handle.get_result_async().add_done_callback(self._on_result)
        else:
            self._log(f"{self._name}: goal refused; the driver's log says why")

    def _on_result(self, future: Future) -> None:
        """A gripper that stalls has something between its fingers, which is what it is for."""
        answer = future.result()
        if answer.status == GoalStatus.STATUS_ABORTED and not (answer.result.stalled or answer.result.reached_goal):
            self._node.get_logger().info(
                f"{self._name}: goal ended at {answer.result.position:.4f}, replaced or blocked"
            )

    def _log(self, text: str) -> None:
        self._node.get_logger().error(text, throttle_duration_sec=2.0)
