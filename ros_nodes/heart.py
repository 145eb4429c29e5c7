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
    """Publishes the beats of one node.

    Attributes:
        instance: A name that every run of a node has for itself.
    """

    def __init__(self, node: Node) -> None:
        self._node, self.instance = node, uuid.uuid4().hex[:12]
        self._publisher = node.create_publisher(DiagnosticArray, TOPIC, BEATS)

    def beat(self, stage: str, busy_s: float, active_s: float) -> None:
        """One beat; see `Beat`."""
        figures = {"busy_s": f"{busy_s:.3f}", "active_s": f"{active_s:.3f}"}
        entry = status(self._node.get_name(), self.instance, DiagnosticStatus.OK, stage, figures)
        array = DiagnosticArray(status=[entry])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)


def beat_from(message: DiagnosticArray) -> Beat | None:
    """What a beat says; None for a message that is none."""
    if len(message.status) != 1:
        return None
    name = message.status[0].name
    values = read_values(message, name) or {}
    try:
        busy_s, active_s = float(values["busy_s"]), float(values["active_s"])
    except (KeyError, ValueError):
        return None
    if not (math.isfinite(busy_s) and math.isfinite(active_s)):
        return None
    stage, stamp_s = message.status[0].message, seconds(message.header.stamp)
    return Beat(name, message.status[0].hardware_id, stage, busy_s, stamp_s, active_s)
