"""A node's heartbeat: that it is alive, in which state, how long a callback has been running, and what time it has."""

from __future__ import annotations

import math
import uuid

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from robot_wm.safety.heartbeat import Beat
from ros_nodes.conversions import seconds
from ros_nodes.diagnostics import read_values, status
from ros_nodes.qos import BEATS

TOPIC = "heartbeat"


class Heart:
    """Publishes the beats of one node; every run of it has an instance of its own."""

    def __init__(self, node: Node) -> None:
        self._node, self._instance = node, uuid.uuid4().hex[:12]
        self._publisher = node.create_publisher(DiagnosticArray, TOPIC, BEATS)

    def beat(self, stage: str, busy_s: float) -> None:
        """One beat."""
        entry = status(self._node.get_name(), self._instance, DiagnosticStatus.OK, stage, {"busy_s": f"{busy_s:.3f}"})
        array = DiagnosticArray(status=[entry])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)


def beat_from(message: DiagnosticArray) -> Beat | None:
    """What a beat says; None for a message that is none."""
    if len(message.status) != 1:
        return None
    name = message.status[0].name
    try:
        busy_s = float((read_values(message, name) or {})["busy_s"])
    except (KeyError, ValueError):
        return None
    if not math.isfinite(busy_s):
        return None
    return Beat(name, message.status[0].hardware_id, message.status[0].message, busy_s, seconds(message.header.stamp))
