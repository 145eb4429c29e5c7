"""The kinds of message fields: default, check on assignment, and the form that the CDR coding reads and writes."""

import array
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype

INTEGER_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64, "uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64}
TYPE_CODES = {
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
ROS_NAMES = {"float32": "float", "float64": "double", "bool": "boolean", "byte": "octet"}
FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class FieldKind:
    """How one kind of field behaves.

    Attributes:
        label: the type as `get_fields_and_field_types` names it, e.g. `sequence<uint8>`.
        default: makes the value of a field that was not given.
        check: returns the value to store, or raises ValueError with what was expected.
        to_wire: converts the stored value to what the coding writes; None where they are the same.
        from_wire: converts what the coding read to the stored value; None where they are the same.
    """

    label: str
    default: Callable[[], Any]
    check: Callable[[Any], Any]
    to_wire: Callable[[Any], Any] | None = None
    from_wire: Callable[[Any], Any] | None = None


def _integer(label: str, low: int, high: int) -> FieldKind:
    def check(value: Any) -> int:
        if not isinstance(value, int):
            raise ValueError("an int")
        if not low <= value <= high:
            raise ValueError(f"an integer in [{low}, {high}]")
        return value

    return FieldKind(label, int, check)


def _floating(label: str) -> FieldKind:
    def check(value: Any) -> float:
        if not isinstance(value, float):
            raise ValueError("a float")
        if label == "float" and math.isfinite(value) and abs(value) > FLOAT32_MAX:
            raise ValueError("a float in the range of 32 bits")
        return value

    return FieldKind(label, float, check)


def _boolean() -> FieldKind:
    def check(value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError("a bool")
        return value

    return FieldKind("boolean", bool, check)


def _octet() -> FieldKind:
    def check(value: Any) -> bytes:
        if not isinstance(value, (bytes, bytearray)) or len(value) != 1:
            raise ValueError("bytes of length 1")
        return bytes(value)

    return FieldKind("octet", lambda: b"\0", check, to_wire=ord, from_wire=lambda value: bytes([value]))


def _text(limit: int) -> FieldKind:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("a str")
        if limit and len(value) > limit:
            raise ValueError(f"a str of at most {limit} characters")
        return value

    return FieldKind(f"string<{limit}>" if limit else "string", str, check)


def _base_kind(name: str, limit: int) -> FieldKind:
    if name == "string":
        return _text(limit)
    if name == "bool":
        return _boolean()
    if name == "byte":
        return _octet()
    if name in ("float32", "float64"):
        return _floating(ROS_NAMES[name])
    bits = INTEGER_BITS[name]
    signed = name.startswith("int")
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return _integer(ROS_NAMES.get(name, name), low, high)


def message_kind(message_class: type) -> FieldKind:
    """The kind of a field that holds a message of the given class."""
    label = message_class.__module__.split(".")[0] + "/" + message_class.__name__

    def check(value: Any) -> Any:
        if not isinstance(value, message_class):
            raise ValueError(f"a {label} message")
        return value

    return FieldKind(label, message_class, check)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (Sequence, array.array, np.ndarray)) and not isinstance(value, str)


def _checked_list(value: Any, element: FieldKind, low: int, high: int | None) -> list[Any]:
    if not _is_sequence(value) or isinstance(value, (bytes, bytearray)):
        raise ValueError(f"a sequence of {element.label}")
    if len(value) < low or (high is not None and len(value) > high):
        raise ValueError(f"a sequence of {low} to {high} elements")
    return [element.check(item) for item in value]


def _numeric_array(base: str, length: int, element: FieldKind) -> FieldKind:
    dtype = np.dtype(TYPE_CODES[base])

    def check(value: Any) -> np.ndarray:
        if isinstance(value, np.ndarray):
            if value.dtype != dtype or value.shape != (length,):
                raise ValueError(f"a numpy array of shape ({length},) and dtype {dtype}")
            return np.ascontiguousarray(value)
        return np.array(_checked_list(value, element, length, length), dtype)

    return FieldKind(f"{element.label}[{length}]", lambda: np.zeros(length, dtype), check, from_wire=np.array)


def _numeric_sequence(base: str, limit: int, element: FieldKind) -> FieldKind:
    code = TYPE_CODES[base]
    dtype = np.dtype(code)

    def adopt(buffer: Any) -> array.array:
        stored = array.array(code)
        stored.frombytes(buffer)
        return stored

    def check(value: Any) -> array.array:
        if limit and _is_sequence(value) and len(value) > limit:
            raise ValueError(f"a sequence of at most {limit} elements")
        if isinstance(value, array.array) and value.typecode == code:
            return value
        if isinstance(value, (bytes, bytearray, memoryview)) and code == "B":
            return adopt(value)
        if isinstance(value, np.ndarray) and value.dtype == dtype and value.ndim == 1:
            return adopt(np.ascontiguousarray(value).view(np.uint8))
        return array.array(code, _checked_list(value, element, 0, None))

    def to_wire(value: array.array) -> np.ndarray:
        return np.frombuffer(value, dtype) if value else np.empty(0, dtype)

    label = f"sequence<{element.label}, {limit}>" if limit else f"sequence<{element.label}>"
    return FieldKind(label, lambda: array.array(code), check, to_wire, lambda value: adopt(value.view(np.uint8)))


def _list_kind(element: FieldKind, base: str | None, length: int | None, limit: int) -> FieldKind:
    low, high = (length, length) if length is not None else (0, limit or None)

    def default() -> list[Any]:
        return [element.default() for _ in range(length or 0)]

    def to_wire(value: list[Any]) -> np.ndarray:
        return np.array([ord(item) if base == "byte" else item for item in value], np.uint8)

    def from_wire(value: Any) -> list[Any]:
        return [bytes([item]) if base == "byte" else bool(item) for item in value]

    label = f"{element.label}[{length}]" if length is not None else f"sequence<{element.label}>"
    converted = base in ("byte", "bool")
    check = lambda value: _checked_list(value, element, low or 0, high)  # noqa: E731
    return FieldKind(label, default, check, to_wire if converted else None, from_wire if converted else None)


def field_kind(description: Any, message_class: Callable[[str], type]) -> FieldKind:
    """Build the kind of a field from the type store's description of it.

    Args:
        description: nested tuple of rosbags (`Nodetype`, arguments).
        message_class: gives the class for a message's full name.
    """
    node, argument = description
    if node == Nodetype.BASE:
        return _base_kind(*argument)
    if node == Nodetype.NAME:
        return message_kind(message_class(argument))
    inner, size = argument
    element = field_kind(inner, message_class)
    base = inner[1][0] if inner[0] == Nodetype.BASE else None
    fixed = node == Nodetype.ARRAY
    if base in TYPE_CODES:
        return _numeric_array(base, size, element) if fixed else _numeric_sequence(base, size, element)
    return _list_kind(element, base, size if fixed else None, 0 if fixed else size)
