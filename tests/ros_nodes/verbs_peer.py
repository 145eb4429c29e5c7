"""The node that the tests of the command line's verbs talk with."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # isort: skip
from control_msgs.action import GripperCommand
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor
from rclpy.action import ActionServer
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from std_srvs.srv import SetBool


def build() -> LifecycleNode:
    """A managed node with a bit of everything."""
    node = LifecycleNode("talker")
    span = FloatingPointRange(from_value=0.0, to_value=1.0)
    node.declare_parameter("rate", 0.1, ParameterDescriptor(description="how fast", floating_point_range=[span]))
    node.declare_parameter("gains.p", 3, ParameterDescriptor(read_only=True))
    node.declare_parameter("names", ["a", "b"])
    node.declare_parameter("open", Parameter.Type.STRING)
    joints = node.create_publisher(JointState, "joint_states", 10)
    node.create_timer(0.05, lambda: joints.publish(JointState(name=["a", "b"], position=[1.0, 2.5])))
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    picture = node.create_publisher(Image, "picture", latched)
    picture.publish(Image(height=20, width=10, encoding="mono8", step=10, data=bytes(200)))
    heard = node.create_publisher(String, "heard", latched)
    node.create_subscription(String, "chat", heard.publish, 10)

    def switch(request: Any, response: Any) -> Any:
        response.success, response.message = request.data, "on" if request.data else "off"
        return response

    node.create_service(SetBool, "switch", switch)
    ActionServer(node, GripperCommand, "grip", lambda goal: GripperCommand.Result())
    return node


def main() -> int:
    """Runs it until SIGINT or SIGTERM."""
    rclpy.init()
    node = build()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    print("ready", flush=True)
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        executor.spin()
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
