"""Interface classes from their names, and messages from YAML and to YAML."""

from __future__ import annotations

import array
import importlib
import re
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from robot_wm.errors import RobotWmError

_SEQUENCE = re.compile(r"sequence<(?P<inner>[^,>]+(?:<\d+>)?)(?:, *\d+)?>\Z|(?P<array>.+)\[\d+\]\Z")
_NUMBERS = ("double", "float")
_BOUNDS = {f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)} | {
    f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)
}


def interface(type_name: str, kind: str) -> Any:
    """The class of `package/msg/Name` or `package/Name`; `kind` is msg, srv or action.

    Raises:
        RobotWmError: there is no such interface.
    """
    parts = type_name.split("/")
    package, name = parts[0], parts[-1]
    if len(parts) not in (2, 3) or (len(parts) == 3 and parts[1] != kind):
        raise RobotWmError(f"'{type_name}' must look like 'package/{kind}/Name'")
    try:
        return getattr(importlib.import_module(f"{package}.{kind}"), name)
    except ModuleNotFoundError:
        raise RobotWmError(f"'{type_name}': package '{package}' has no {kind} here; is it installed?") from None
    except AttributeError as error:
        raise RobotWmError(f"'{type_name}': {error}") from None


def from_yaml(message: Any, text: str) -> Any:
    """Fills a message from YAML such as `{x: 1.0, y: 2.0}`; fields that are not named keep their values.

    Raises:
        RobotWmError: the text is not YAML, or does not fit the message; says which field.
    """
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RobotWmError(f"not YAML: {' '.join(str(error).split())}") from error
    return fill(message, {} if values is None else values, "")


def fill(message: Any, values: Any, path: str) -> Any:
    """Sets the fields of a message from a mapping; `path` is where it stands, for errors."""
    fields = message.get_fields_and_field_types()
    if values == "now" and set(fields) == {"sec", "nanosec"}:
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        values = {"sec": seconds, "nanosec": nanoseconds}
    if values == "auto" and "stamp" in fields:
        values = {"stamp": "now"}
    if not isinstance(values, dict):
        raise RobotWmError(f"{path or 'the message'} must be a mapping of {', '.join(fields)}; got {values!r}")
    for name, value in values.items():
        where = f"{path}.{name}" if path else str(name)
        if name not in fields:
            raise RobotWmError(f"there is no field '{where}'; its message has {', '.join(fields) or 'none'}")
        try:
            setattr(message, name, _value(fields[name], value, where))
        except (AssertionError, TypeError, OverflowError) as error:
            raise RobotWmError(f"field '{where}' ({fields[name]}): {error}") from None
    return message


def _value(label: str, value: Any, where: str) -> Any:
    match = _SEQUENCE.match(label)
    if match:
        if not isinstance(value, list):
            raise RobotWmError(f"field '{where}' ({label}) must be a list; got {value!r}")
        inner = match["inner"] or match["array"]
        return [_value(inner, item, f"{where}[{index}]") for index, item in enumerate(value)]
    if "/" in label:
        return fill(interface(label, "msg")(), value, where)
    if label == "octet" and isinstance(value, int) and 0 <= value < 256:
        return bytes([value])
    if label in _NUMBERS and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if label.startswith("string") and not isinstance(value, str):
        raise RobotWmError(f"field '{where}' is text; put quotes around {value!r}")
    _check(label, value, where)
    return value


def _check(label: str, value: Any, where: str) -> None:
    """Refuses what the field cannot hold: a real ROS 2's messages take any value unless they are told to check."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if label == "boolean" and not isinstance(value, bool):
        raise RobotWmError(f"field '{where}' ({label}) must be true or false; got {value!r}")
    if label in _NUMBERS and not is_number:
        raise RobotWmError(f"field '{where}' ({label}) must be a number; got {value!r}")
    if label in _BOUNDS:
        low, high = _BOUNDS[label]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise RobotWmError(f"field '{where}' ({label}) must be a whole number from {low} to {high}; got {value!r}")


@dataclass(frozen=True)
class Brevity:
    """How much of long values is shown.

    Attributes:
        limit: most characters of a text and most elements of a list; None for all.
        arrays: whether elements of lists are shown at all.
    """

    limit: int | None = 128
    arrays: bool = True


def to_yaml(value: Any, brevity: Brevity) -> str:
    """A message, or one field of it, as YAML in the order of its fields."""
    plain = _plain(value, brevity, type(value).__name__)
    if isinstance(plain, (dict, list)) and plain:
        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=2**20, default_flow_style=False)
    return f"{plain}\n"


def _plain(value: Any, brevity: Brevity, label: str) -> Any:
    if hasattr(value, "get_fields_and_field_types"):
        labels = value.get_fields_and_field_types()
        return {name: _plain(getattr(value, name), brevity, labels[name]) for name in labels}
    if isinstance(value, (bytes, bytearray)):
        return value[0] if len(value) == 1 else _plain(list(value), brevity, label)
    if isinstance(value, (list, tuple, array.array, np.ndarray)):
        return _plain_list(value, brevity, label)
    if isinstance(value, str) and brevity.limit is not None and len(value) > brevity.limit:
        return value[: brevity.limit] + "..."
    return value.item() if isinstance(value, np.generic) else value


def _plain_list(value: Any, brevity: Brevity, label: str) -> Any:
    if not brevity.arrays:
        inner = _SEQUENCE.match(label)
        kind = (inner["inner"] or inner["array"]) if inner else label
        return f"<sequence type: {kind}, length: {len(value)}>"
    cut = brevity.limit is not None and len(value) > brevity.limit
    shown = [_plain(item, brevity, "") for item in (value[: brevity.limit] if cut else value)]
    return [*shown, "..."] if cut else shown


def field_of(message: Any, path: str) -> Any:
    """A field by its dotted path, as in `pose.position.x`.

    Raises:
        RobotWmError: there is no such field.
    """
    for name in path.split(".") if path else ():
        fields: dict[str, str] = getattr(message, "get_fields_and_field_types", dict)()
        if name not in fields:
            raise RobotWmError(f"there is no field '{name}' of '{path}'; there are {', '.join(fields) or 'none'}")
        message = getattr(message, name)
    return message
