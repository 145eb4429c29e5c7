"""Message, service and action classes with rclpy's semantics, made from the type store."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from rosbags.typesys.base import normalize_fieldname

from rclpy.impl.definitions import DEFAULTS
from rclpy.impl.fields import FieldKind, field_kind
from rclpy.impl.types import STORE, names_in


class Message:
    """Base of all message classes; a message has one property for each field and compares by value."""

    __slots__ = ()
    TYPE_NAME: str
    KINDS: dict[str, FieldKind]

    def __init__(self, **values: Any) -> None:
        for name, kind in self.KINDS.items():
            if name in values:
                setattr(self, name, values.pop(name))
            else:
                object.__setattr__(self, "_" + name, kind.default())
        values.pop("check_fields", None)
        if values:
            raise AssertionError(
                f"Invalid arguments passed to constructor of {self.TYPE_NAME}: {', '.join(values)};"
                f" its fields are {', '.join(self.KINDS)}"
            )

    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]:
        """Field names and their types as the interface definition writes them."""
        return {name: kind.label for name, kind in cls.KINDS.items()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, self.__class__):
            return False
        return all(_same(getattr(self, "_" + name), getattr(other, "_" + name)) for name in self.KINDS)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, '_' + name)!r}" for name in self.KINDS)
        return f"{self.TYPE_NAME.replace('/', '.')}({fields})"

    def __copy__(self) -> "Message":
        copied = self.__class__.__new__(self.__class__)
        for name in self.KINDS:
            object.__setattr__(copied, "_" + name, getattr(self, "_" + name))
        return copied

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, "_" + name) for name in self.KINDS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, "_" + name, value)


def _same(one: Any, other: Any) -> bool:
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other


def wire_name(field: str, kind: FieldKind) -> str:
    """Name of the attribute that the coding reads for a field."""
    return f"wire_{field}" if kind.to_wire else field


def _accessor(type_name: str, field: str, kind: FieldKind, slot: Any) -> property:
    def get(message: Message) -> Any:
        return slot.__get__(message)

    def put(message: Message, value: Any) -> None:
        try:
            checked = kind.check(value)
        except ValueError as error:
            got = f"{type(value).__name__} {value!r}"
            raise AssertionError(
                f"The '{field}' field of {type_name} must be {error}; got {got if len(got) < 200 else got[:200] + '…'}"
            ) from None
        slot.__set__(message, checked)

    return property(get, put, doc=kind.label)


def _wire_accessor(kind: FieldKind, slot: Any) -> property:
    convert = kind.to_wire
    assert convert is not None
    return property(lambda message: convert(slot.__get__(message)))


def _decoder(cls: type[Message]) -> Callable[..., Message]:
    slots = [(cls.__dict__["_" + name].__set__, kind.from_wire) for name, kind in cls.KINDS.items()]

    def decode(*values: Any) -> Message:
        message = cls.__new__(cls)
        for (put, convert), value in zip(slots, values, strict=True):
            put(message, value if convert is None else convert(value))
        return message

    return decode


def _always(value: Any) -> Callable[[], Any]:
    return lambda: value


@cache
def message_class(type_name: str) -> type[Message]:
    """The class for `package/msg/Name` (or `package/srv/Name_Request`).

    Raises:
        KeyError: the type store has no such type.
    """
    constants, fields = STORE.fielddefs[type_name]
    kinds = {normalize_fieldname(name): field_kind(description, message_class) for name, description in fields}
    for name, value in DEFAULTS.get(type_name, {}).items():
        kinds[name] = replace(kinds[name], default=_always(value))
    package, module, name = type_name.split("/")
    namespace: dict[str, Any] = {
        "__slots__": tuple("_" + field for field in kinds),
        "__module__": f"{package}.{module}",
        "__doc__": f"{type_name}: " + ", ".join(f"{kind.label} {field}" for field, kind in kinds.items()),
        "TYPE_NAME": type_name,
        "KINDS": kinds,
    }
    for constant, base, value in constants:
        namespace[constant] = bytes([value]) if base == "byte" else value
    cls = type(name, (Message,), namespace)
    for field, kind in kinds.items():
        slot = cls.__dict__["_" + field]
        setattr(cls, field, _accessor(type_name, field, kind, slot))
        if kind.to_wire:
            setattr(cls, wire_name(field, kind), _wire_accessor(kind, slot))
    STORE.types[type_name] = _decoder(cls)
    return cls


@cache
def service_class(type_name: str) -> type:
    """The class for `package/srv/Name`, with `Request` and `Response` inside."""
    parts = {part: message_class(f"{type_name}_{part}") for part in ("Request", "Response")}
    return _holder(type_name, parts)


@cache
def action_class(type_name: str) -> type:
    """The class for `package/action/Name`, with `Goal`, `Result`, `Feedback` and, in `Impl`, what they travel in."""
    travel: dict[str, Any] = {
        "SendGoalService": service_class(type_name + "_SendGoal"),
        "GetResultService": service_class(type_name + "_GetResult"),
        "CancelGoalService": service_class("action_msgs/srv/CancelGoal"),
        "FeedbackMessage": message_class(type_name + "_FeedbackMessage"),
        "GoalStatusMessage": message_class("action_msgs/msg/GoalStatusArray"),
    }
    parts = {part: message_class(f"{type_name}_{part}") for part in ("Goal", "Result", "Feedback")}
    return _holder(type_name, parts | {"Impl": type("Impl", (), travel)})


def checked_action(action_type: Any) -> Any:
    """Raise TypeError unless the class is an action."""
    if not all(hasattr(action_type, part) for part in ("TYPE_NAME", "Goal", "Result", "Feedback", "Impl")):
        raise TypeError(f"expected an action class such as those of control_msgs.action; got {action_type!r}")
    return action_type


def _holder(type_name: str, parts: dict[str, Any]) -> type:
    package, module, name = type_name.split("/")
    return type(name, (), {"__module__": f"{package}.{module}", "TYPE_NAME": type_name, **parts})


def fill_module(module_name: str) -> None:
    """Give `package.msg`, `package.srv` or `package.action` a lazily made class for each of its interfaces."""
    package, kind = module_name.split(".")
    module: ModuleType = sys.modules[module_name]
    names = names_in(package, kind)
    make: Callable[[str], type] = {"srv": service_class, "action": action_class}.get(kind, message_class)

    def find(name: str) -> type:
        type_name = f"{package}/{kind}/{name}"
        if name in names:
            return make(type_name)
        if type_name in STORE.fielddefs:
            return message_class(type_name)
        raise AttributeError(f"{module_name} has no {name}; it has {', '.join(names)}")

    module.__dict__.update(__getattr__=find, __dir__=lambda: names, __all__=names)
