"""The other process of the transport tests: one small role for each test."""

from __future__ import annotations

import signal
import sys
from typing import Any

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # isort: skip
from control_msgs.action import GripperCommand
from rclpy.action import ActionServer
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import Trigger


def echo(node: Node) -> None:
    """Sends images and strings back, as they came."""
    images = node.create_publisher(Image, "image_out", 10)
    node.create_subscription(Image, "image_in", images.publish, 10)
    strings = node.create_publisher(String, "string_out", 10)
    node.create_subscription(String, "string_in", strings.publish, 10)


def latched(node: Node) -> None:
    """Publishes one latched string."""
    profile = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_publisher(String, "latched", profile).publish(String(data="kept"))


def best_effort(node: Node) -> None:
    """Offers a best-effort topic."""
    node.create_publisher(String, "fast", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))


def service(node: Node) -> None:
    """Answers a service with its parameter and name."""
    node.declare_parameter("greeting", "hello")

    def answer(request: Any, response: Any) -> Any:
        response.success = True
        response.message = f"{node.get_parameter('greeting').value} from {node.get_fully_qualified_name()}"
        return response

    node.create_service(Trigger, "greet", answer)


def gripper(node: Node) -> None:
    """Serves an action that reports half the way and then reaches the goal."""

    def execute(goal_handle: Any) -> Any:
        position = goal_handle.request.command.position
        goal_handle.publish_feedback(GripperCommand.Feedback(position=position / 2))
        goal_handle.succeed()
        return GripperCommand.Result(position=position, reached_goal=True)

    ActionServer(node, GripperCommand, "gripper", execute)


class Managed(LifecycleNode):
    """Refuses the first configuration."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.refused = False

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        if not self.refused:
            self.refused = True
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)


def say(line: str) -> None:
    """Writes a line at once, so that a warning of another thread does not fall between it and its end."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Plays one role until SIGINT or SIGTERM."""
    role = sys.argv[1]
    # A shell's background jobs, and what they start, ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rclpy.init()
    node = Managed("peer") if role == "managed" else Node("peer")
    if role != "managed":
        roles = {"echo": echo, "latched": latched, "best_effort": best_effort, "service": service, "gripper": gripper}
        roles[role](node)
    executor = MultiThreadedExecutor(2)
    executor.add_node(node)
    try:
        say("ready")
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        say("interrupted")
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    say("ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
