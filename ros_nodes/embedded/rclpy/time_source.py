"""`use_sim_time`: a node's clock follows `/clock` while the parameter is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rosgraph_msgs.msg import Clock as ClockMessage

from rclpy.clock import ROSClock
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time

if TYPE_CHECKING:
    from rclpy.node import Node

USE_SIM_TIME = "use_sim_time"


class TimeSource:
    """Keeps one node's clock on the time that the parameter asks for."""

    def __init__(self, node: Node, clock: ROSClock) -> None:
        self._node, self._clock = node, clock
        self._subscription: Any = None
        if not node.has_parameter(USE_SIM_TIME):
            node.declare_parameter(USE_SIM_TIME, False)
        node.add_post_set_parameters_callback(self._on_parameters)
        self._follow(bool(node.get_parameter(USE_SIM_TIME).value))

    def _on_parameters(self, parameters: list[Parameter]) -> None:
        for parameter in parameters:
            if parameter.name == USE_SIM_TIME:
                self._follow(bool(parameter.value))

    def _follow(self, simulated: bool) -> None:
        if simulated == (self._subscription is not None):
            return
        self._clock._set_ros_time_is_active(simulated)
        if simulated:
            latest = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
            self._subscription = self._node.create_subscription(ClockMessage, "/clock", self._on_clock, latest)
        else:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _on_clock(self, message: ClockMessage) -> None:
        self._clock.set_ros_time_override(Time.from_msg(message.clock))
