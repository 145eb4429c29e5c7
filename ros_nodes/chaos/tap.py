"""Stands between simulator and nodes, and between nodes; passes on what it hears: as it came, or as a fault has it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from builtin_interfaces.msg import Time as TimeMsg
from rclpy.node import Node
from rosgraph_msgs.msg import Clock as ClockMsg
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import MultiDOFJointTrajectory

from ros_nodes.chaos.system import TAPPED, TAPPED_BETWEEN
from ros_nodes.conversions import seconds
from ros_nodes.qos import LATEST, SENSOR

JOINTS, CAMERA, LATENTS, PLAN = "joint_states", "camera/image_raw", "perception/latents", "planner/plan"
KINDS: dict[str, type] = {
    JOINTS: JointState,
    CAMERA: Image,
    "/clock": ClockMsg,
    LATENTS: Image,
    PLAN: MultiDOFJointTrajectory,
}


@dataclass(frozen=True)
class Meddling:
    """What is done to the messages of a topic.

    Attributes:
        keep: One message of so many is passed on; 0 for none.
        delay_s: How late it is passed on.
        stamp_s: What is added to its stamp, or to the time of a clock.
        swap: Each second message goes before the one it came after.
        change: Changes the message itself.
    """

    keep: int = 1
    delay_s: float = 0.0
    stamp_s: float = 0.0
    swap: bool = False
    change: Callable[[Any], None] | None = None


class Tap:
    """One subscription and one publisher for each topic.

    Attributes:
        meddling: What is done at present, by topic.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self.meddling: dict[str, Meddling] = {}
        self._counts, self._held = dict[str, int](), dict[str, Any]()
        self._publishers = {}
        tapped = TAPPED.copy()
        for between in TAPPED_BETWEEN.values():
            tapped |= between
        for topic, kind in KINDS.items():
            self._publishers[topic] = node.create_publisher(kind, tapped[topic], LATEST)
            node.create_subscription(kind, topic, lambda m, topic=topic: self._pass_on(topic, m), SENSOR)

    def clear(self) -> None:
        """Passes everything on as it comes."""
        self.meddling = {}

    def _pass_on(self, topic: str, message: Any) -> None:
        meddling = self.meddling.get(topic)
        if meddling is None:
            self._publishers[topic].publish(message)
            return
        count = self._counts[topic] = self._counts.get(topic, 0) + 1
        if meddling.keep == 0 or count % meddling.keep:
            return
        if meddling.stamp_s:
            _shift(message, meddling.stamp_s)
        if meddling.change is not None:
            meddling.change(message)
        if meddling.swap and count % 2:
            self._held[topic] = message
            return
        self._send(topic, message, meddling.delay_s)
        held = self._held.pop(topic, None)
        if held is not None:
            self._send(topic, held, meddling.delay_s)

    def _send(self, topic: str, message: Any, delay_s: float) -> None:
        publisher = self._publishers[topic]
        if delay_s:
            threading.Timer(delay_s, publisher.publish, (message,)).start()
        else:
            publisher.publish(message)


def _shift(message: Any, by_s: float) -> None:
    """Moves the stamp of a message, or the time of a clock, by seconds."""
    stamp = message.clock if hasattr(message, "clock") else message.header.stamp
    nanoseconds = max(0, round((seconds(stamp) + by_s) * 1e9))
    moved = TimeMsg(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
    if hasattr(message, "clock"):
        message.clock = moved
    else:
        message.header.stamp = moved
