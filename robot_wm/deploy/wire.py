"""Reads the fields of a protobuf message without a schema: enough to look into a graph before a runtime opens it."""

from __future__ import annotations

from collections.abc import Iterator

from robot_wm.errors import BundleError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def fields(data: memoryview, source: str) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field in order: an integer, or the bytes of text, messages and packed numbers.

    Raises:
        BundleError: The bytes are no protobuf message; nothing beyond them is read.
    """
    position = 0
    while position < len(data):
        key, position = _varint(data, position, source)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, position = _varint(data, position, source)
            yield number, value
            continue
        if kind == BYTES:
            size, position = _varint(data, position, source)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise BundleError(f"{source}: not an ONNX model: wire type {kind} at byte {position}")
        if position + size > len(data):
            raise BundleError(f"{source}: not an ONNX model: a field of {size} bytes at byte {position} is cut off")
        yield number, data[position : position + size]
        position += size


def numbers(value: int | memoryview, source: str) -> Iterator[int]:
    """The integers of a repeated field, which may be packed into one."""
    if isinstance(value, int):
        yield value
        return
    position = 0
    while position < len(value):
        number, position = _varint(value, position, source)
        yield number


def text(value: int | memoryview) -> str:
    """A text field; bytes that are not UTF-8 are shown as escapes."""
    return str(value) if isinstance(value, int) else bytes(value).decode("utf-8", "backslashreplace")


def _varint(data: memoryview, position: int, source: str) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
    raise BundleError(f"{source}: not an ONNX model: a number at byte {position} does not end")
