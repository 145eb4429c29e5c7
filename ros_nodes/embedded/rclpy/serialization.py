"""Messages as the bytes that go over the wire, and back."""

from __future__ import annotations

from typing import Any

from rclpy.impl.coding import decode, encode
from rclpy.impl.messages import Message


def serialize_message(message: Message) -> bytes:
    """The CDR bytes of a message, its four-byte header included."""
    return encode(message)


def deserialize_message(serialized_message: bytes, message_type: type[Message]) -> Any:
    """The message that CDR bytes hold; rclpy.impl.coding.CodingError where they do not hold one."""
    return decode(serialized_message, message_type.TYPE_NAME)
