"""A node's log on `/rosout`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from builtin_interfaces.msg import Time as TimeMessage
from rcl_interfaces.msg import Log

from rclpy.duration import Duration
from rclpy.impl.log_output import Record, add_sink, remove_sink
from rclpy.qos import DurabilityPolicy, QoSProfile

if TYPE_CHECKING:
    from rclpy.node import Node

QOS = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL, lifespan=Duration(seconds=10))


class Rosout:
    """Publishes what a node's logger and the loggers below it write."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(Log, "/rosout", QOS)
        self._name = node.get_logger().name
        add_sink(self._name, self._publish)

    def _publish(self, record: Record) -> None:
        seconds, nanoseconds = divmod(record.time_ns, 1_000_000_000)
        message = Log(
            stamp=TimeMessage(sec=seconds, nanosec=nanoseconds),
            level=int(record.level),
            name=record.name,
            msg=record.message,
            file=os.path.basename(record.file),
            function=record.function,
            line=record.line,
        )
        self._publisher.publish(message)

    def close(self) -> None:
        """Stop publishing."""
        remove_sink(self._name, self._publish)
