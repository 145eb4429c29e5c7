"""What a message type looks like, as type_description_interfaces/TypeDescription says it and as `.msg` text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.typesys.store import TIDMAP
from type_description_interfaces.msg import (
    Field,
    FieldType,
    IndividualTypeDescription,
    TypeDescription,
    TypeSource,
)

from rclpy.impl.types import NO_FIELDS, STORE

ARRAY, BOUNDED_SEQUENCE, SEQUENCE = 48, 96, 144
"""What FieldType adds to the id of an element's type."""
NESTED = FieldType.FIELD_TYPE_NESTED_TYPE


def type_description(type_name: str) -> TypeDescription:
    """A message type, and in order of their names the types inside it."""
    inner = sorted(_inside(type_name) - {type_name})
    return TypeDescription(
        type_description=_individual(type_name), referenced_type_descriptions=[_individual(name) for name in inner]
    )


def type_sources(type_name: str) -> list[TypeSource]:
    """The definitions of a message type and of the types inside it, without the comments of the original files."""
    return [
        TypeSource(type_name=name, encoding="msg", raw_file_contents=STORE.gendefhash(name, {}, 2)[0])
        for name in (type_name, *sorted(_inside(type_name) - {type_name}))
    ]


def _inside(type_name: str) -> set[str]:
    found = {type_name}
    for _, description in STORE.fielddefs[type_name][1]:
        (node, argument), _, _ = _parts(description)
        if node == Nodetype.NAME and argument not in found:
            found |= _inside(argument)
    return found


def _parts(description: Any) -> tuple[tuple[Any, Any], int, int]:
    """The type of one element, what an array or a sequence adds to its id, and the array's size or bound."""
    node, argument = description
    if node == Nodetype.ARRAY:
        return argument[0], ARRAY, argument[1]
    if node == Nodetype.SEQUENCE:
        return argument[0], BOUNDED_SEQUENCE if argument[1] else SEQUENCE, argument[1]
    return description, 0, 0


def _individual(type_name: str) -> IndividualTypeDescription:
    return IndividualTypeDescription(type_name=type_name, fields=list(_fields(type_name)))


def _fields(type_name: str) -> Iterator[Field]:
    for name, description in STORE.fielddefs[type_name][1] or [NO_FIELDS]:
        (node, argument), added, capacity = _parts(description)
        if node == Nodetype.NAME:
            kind = FieldType(type_id=added + NESTED, capacity=capacity, nested_type_name=argument)
        else:
            base, bound = argument
            number = TIDMAP["bounded_string" if base == "string" and bound else base]
            kind = FieldType(type_id=added + number, capacity=capacity, string_capacity=bound or 0)
        yield Field(name=name, type=kind)
