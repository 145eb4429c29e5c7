"""Messages as bytes and back, as they go over the wire."""

from __future__ import annotations

from rclpy.impl.coding import decode, encode
from rclpy.impl.messages import Message


def serialize_message(message: Message) -> bytes:
    """The message in CDR, with its header of four bytes."""
    return encode(message)


def deserialize_message(serialized_message: bytes, message_type: type[Message]) -> Message:
    """The message of bytes that `serialize_message` made."""
    return decode(serialized_message, message_type.TYPE_NAME)
