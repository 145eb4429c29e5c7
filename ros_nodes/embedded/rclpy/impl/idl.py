"""IDL types of the DDS binding, generated from the type store; only their coding is replaced.

Peers that exchange type information match on the full structure, so the structure must be the real one; the
binding's own coding takes milliseconds for an image, so it must not be used.
"""

from functools import cache
from typing import Any

from cyclonedds.idl import IdlStruct, make_idl_struct
from cyclonedds.idl import types as idl_types
from rosbags.interfaces import Nodetype

from rclpy.impl.coding import decode, prepare
from rclpy.impl.messages import Message
from rclpy.impl.types import STORE, dds_type_name

HEADER_SIZE = 16
idl: Any = idl_types
_PRIMITIVES: dict[str, Any] = {
    "bool": bool,
    "byte": idl.byte,
    "string": str,
    **{
        name: getattr(idl, name)
        for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
    },
}


class Sample:
    """What a reader returns for one payload: the message, the request header if any, and the binding's sample info."""

    __slots__ = ("header", "message", "sample_info")

    def __init__(self, message: Message | Exception, header: bytes) -> None:
        self.message = message
        self.header = header
        self.sample_info: Any = None


def _field_type(description: Any) -> Any:
    node, argument = description
    if node == Nodetype.BASE:
        name, limit = argument
        return idl.bounded_str[limit] if name == "string" and limit else _PRIMITIVES[name]
    if node == Nodetype.NAME:
        return _structure(argument)
    inner, size = argument
    element = _field_type(inner)
    if node == Nodetype.ARRAY:
        return idl.array[element, size]
    return idl.sequence[element, size] if size else idl.sequence[element]


@cache
def _structure(type_name: str, with_header: bool = False) -> type[IdlStruct]:
    fields: dict[str, Any] = {}
    if with_header:
        fields |= {"client_guid": idl.uint64, "sequence_number": idl.int64}
    fields |= {name: _field_type(description) for name, description in STORE.fielddefs[type_name][1]}
    dds_name = dds_type_name(type_name)
    return make_idl_struct(dds_name.rpartition("::")[2], dds_name.replace("::", "."), fields)


@cache
def wire_type(type_name: str, with_header: bool = False) -> type[IdlStruct]:
    """The IDL type to make a topic of; its samples carry encoded bytes out and decoded `Sample`s in.

    Args:
        type_name: `package/msg/Name`.
        with_header: the 16-byte request header of rmw_cyclonedds' services stands before the body.
    """
    prepare(type_name)
    structure: Any = _structure(type_name, with_header)
    size = HEADER_SIZE if with_header else 0

    def deserialize(data: bytes, has_header: bool = True, use_version_2: bool | None = None) -> Sample:
        try:
            return Sample(decode(data, type_name, size), bytes(data[4 : 4 + size]))
        except Exception as error:
            return Sample(error, b"")

    structure.serialize = lambda sample, **_: sample.encoded
    structure.deserialize = staticmethod(deserialize)
    structure.deserialize_key = staticmethod(lambda *_, **__: None)
    return structure


def outgoing(structure: type[IdlStruct], encoded: bytes) -> Any:
    """An instance of an IDL type that is written as the given bytes."""
    sample: Any = structure.__new__(structure)
    sample.encoded = encoded
    return sample
