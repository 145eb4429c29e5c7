"""CDR coding of messages by rosbags' generated code, and the little-endian header that ROS 2 puts in front."""

import struct
from functools import cache
from typing import Any

from rosbags.interfaces import Msgdef
from rosbags.serde.cdr import generate_deserialize_cdr, generate_getsize_cdr, generate_serialize_cdr
from rosbags.typesys.base import normalize_fieldname

from rclpy.impl.messages import Message, message_class, wire_name
from rclpy.impl.types import STORE

LITTLE_ENDIAN = b"\x00\x01\x00\x00"
REQUEST_HEADER = struct.Struct("<Qq")


class CodingError(Exception):
    """A payload does not hold a message of the expected type."""


def _unused(*_: Any) -> Any:
    raise NotImplementedError("only CDR is used here")


@cache
def prepare(type_name: str) -> Any:
    """Generate the coding of a type and of the types in it (tens of ms the first time, so call it at start)."""
    cls = message_class(type_name)
    for description in STORE.fielddefs[type_name][1]:
        _prepare_inner(description[1])
    fields = [(normalize_fieldname(name), description) for name, description in STORE.fielddefs[type_name][1]]
    wire_fields = [(wire_name(name, cls.KINDS[name]), description) for name, description in fields]
    get_size, size = generate_getsize_cdr(wire_fields, STORE)
    STORE.cache[type_name] = Msgdef(
        type_name,
        wire_fields,
        STORE.types[type_name],
        size,
        get_size,
        generate_serialize_cdr(wire_fields, STORE, "le"),
        _unused,
        generate_deserialize_cdr(fields, STORE, "le"),
        generate_deserialize_cdr(fields, STORE, "be"),
        0,
        *[_unused] * 7,
    )
    return STORE.cache[type_name]


def _prepare_inner(description: Any) -> None:
    _, argument = description
    if isinstance(argument, str):
        prepare(argument)
    elif isinstance(argument[0], tuple):
        _prepare_inner(argument[0])


def encode(message: Message, header: bytes = b"") -> bytes:
    """Serialize a message to CDR, after an optional 16-byte request header (8-aligned, so the body stays aligned)."""
    definition = prepare(message.TYPE_NAME)
    offset = 4 + len(header)
    buffer = bytearray(offset + definition.getsize_cdr(0, message, STORE))
    buffer[:offset] = LITTLE_ENDIAN + header
    definition.serialize_cdr_le(memoryview(buffer)[offset:], 0, message, STORE)
    return bytes(buffer)


def decode(payload: bytes, type_name: str, header_size: int = 0) -> Message:
    """Deserialize CDR of either byte order.

    Raises:
        CodingError: the payload is truncated or not of this type.
    """
    definition = prepare(type_name)
    if len(payload) < 4 + header_size or payload[0] or payload[1] > 1:
        raise CodingError(f"payload of {len(payload)} bytes is not plain CDR of {type_name}")
    read = definition.deserialize_cdr_le if payload[1] else definition.deserialize_cdr_be
    try:
        message, _ = read(memoryview(payload)[4 + header_size :], 0, definition.cls, STORE)
    except Exception as error:
        raise CodingError(f"payload of {len(payload)} bytes does not hold a {type_name}: {error}") from error
    return message
