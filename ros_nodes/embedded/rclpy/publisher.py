"""Publishers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cyclonedds.core import DDSException

from rclpy.duration import Duration
from rclpy.exceptions import InvalidHandle
from rclpy.impl.coding import encode
from rclpy.impl.idl import outgoing, wire_type
from rclpy.impl.messages import Message
from rclpy.impl.participant import FOREVER, assert_liveliness, gid
from rclpy.qos import QoSProfile

if TYPE_CHECKING:
    from rclpy.node import Node

WITHOUT_END = Duration(seconds=-1)


class Publisher:
    """Writes messages of one type to one topic; made by `Node.create_publisher`.

    Attributes:
        topic: the name as it was given.
        topic_name: its full name after remapping.
    """

    def __init__(self, node: Node, msg_type: type[Message], topic: str, qos_profile: QoSProfile) -> None:
        participant = node.context.participant
        self.msg_type = msg_type
        self.topic = self.topic_name = topic
        self.qos_profile = qos_profile
        self.logger_name = node.get_logger().name
        self._wire_type = wire_type(msg_type.TYPE_NAME)
        dds_topic = participant.topic("rt" + topic, msg_type.TYPE_NAME)
        self.writer: Any = participant.writer(dds_topic, msg_type.TYPE_NAME, qos_profile)
        self.gid = gid(self.writer)
        self.events: Any = None

    def publish(self, msg: Message | bytes) -> None:
        """Send a message, or one that is serialized already.

        Raises:
            TypeError: the message is of another type.
        """
        if self.writer is None:
            raise InvalidHandle(f"the publisher of {self.topic_name} was destroyed")
        if isinstance(msg, bytes):
            payload = msg
        elif isinstance(msg, self.msg_type):
            payload = encode(msg)
        else:
            raise TypeError(f"topic {self.topic_name} carries {self.msg_type.TYPE_NAME}; got {type(msg).__name__}")
        self.writer.write(outgoing(self._wire_type, payload))

    def get_subscription_count(self) -> int:
        """Number of subscriptions matched with this publisher."""
        return len(self.writer.get_matched_subscriptions()) if self.writer else 0

    def assert_liveliness(self) -> None:
        """Show that it is alive, where its liveliness is MANUAL_BY_TOPIC; publishing shows it, too."""
        if self.writer is not None:
            assert_liveliness(self.writer)

    def wait_for_all_acked(self, timeout: Duration = WITHOUT_END) -> bool:
        """Wait until the reliable subscriptions have everything; False where the timeout comes first.

        Args:
            timeout: a negative one waits for ever.
        """
        try:
            return bool(self.writer.wait_for_acks(FOREVER if timeout.nanoseconds < 0 else timeout.nanoseconds))
        except (DDSException, AttributeError):
            return False

    def destroy(self) -> None:
        """Stop publishing; prefer `Node.destroy_publisher`."""
        self.writer = None
