"""Parameters: a name, a type and a value."""

from __future__ import annotations

import array
from enum import Enum
from typing import Any

import yaml
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterType, ParameterValue

from rclpy.impl.parameter_files import flatten, load_parameter_file

PARAMETER_SEPARATOR_STRING = "."


class ParameterKind(Enum):
    """The types that parameters have; known as `Parameter.Type`."""

    NOT_SET = ParameterType.PARAMETER_NOT_SET
    BOOL = ParameterType.PARAMETER_BOOL
    INTEGER = ParameterType.PARAMETER_INTEGER
    DOUBLE = ParameterType.PARAMETER_DOUBLE
    STRING = ParameterType.PARAMETER_STRING
    BYTE_ARRAY = ParameterType.PARAMETER_BYTE_ARRAY
    BOOL_ARRAY = ParameterType.PARAMETER_BOOL_ARRAY
    INTEGER_ARRAY = ParameterType.PARAMETER_INTEGER_ARRAY
    DOUBLE_ARRAY = ParameterType.PARAMETER_DOUBLE_ARRAY
    STRING_ARRAY = ParameterType.PARAMETER_STRING_ARRAY

    @classmethod
    def from_parameter_value(cls, parameter_value: Any) -> ParameterKind:
        """The type of a Python value.

        Raises:
            TypeError: parameters cannot hold it.
        """
        if parameter_value is None:
            return cls.NOT_SET
        if isinstance(parameter_value, (list, tuple, array.array)):
            for kind in (cls.BYTE_ARRAY, cls.BOOL_ARRAY, cls.INTEGER_ARRAY, cls.DOUBLE_ARRAY, cls.STRING_ARRAY):
                if all(isinstance(item, _PYTHON_TYPES[kind]) for item in parameter_value):
                    return kind
        for kind in (cls.BOOL, cls.INTEGER, cls.DOUBLE, cls.STRING):
            if isinstance(parameter_value, _PYTHON_TYPES[kind]):
                return kind
        raise TypeError(
            f"a parameter must be a bool, int, float, str or a list of one of them; got {parameter_value!r}"
        )

    def check(self, parameter_value: Any) -> bool:
        """Whether a value is of this type."""
        if self is ParameterKind.NOT_SET:
            return parameter_value is None
        expected = _PYTHON_TYPES[self]
        if not self.name.endswith("_ARRAY"):
            return isinstance(parameter_value, expected)
        return isinstance(parameter_value, (list, tuple, array.array)) and all(
            isinstance(item, expected) for item in parameter_value
        )


_PYTHON_TYPES: dict[ParameterKind, type] = {
    ParameterKind.BOOL: bool,
    ParameterKind.INTEGER: int,
    ParameterKind.DOUBLE: float,
    ParameterKind.STRING: str,
    ParameterKind.BYTE_ARRAY: bytes,
    ParameterKind.BOOL_ARRAY: bool,
    ParameterKind.INTEGER_ARRAY: int,
    ParameterKind.DOUBLE_ARRAY: float,
    ParameterKind.STRING_ARRAY: str,
}


class Parameter:
    """A named value.

    Args:
        name: dotted name.
        type_: its type; guessed from the value where it is None.
        value: the value.

    Raises:
        TypeError: parameters cannot hold the value.
        ValueError: type and value do not agree.
    """

    Type = ParameterKind

    def __init__(self, name: str, type_: ParameterKind | None = None, value: Any = None) -> None:
        kind = ParameterKind.from_parameter_value(value) if type_ is None else type_
        if not isinstance(kind, ParameterKind):
            raise TypeError(f"type must be a Parameter.Type; got {kind!r}")
        if not kind.check(value):
            raise ValueError(f"Type '{kind}' and value '{value}' do not agree")
        self._name, self._type, self._value = name, kind, value

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def type_(self) -> ParameterKind:
        """The type."""
        return self._type

    @property
    def value(self) -> Any:
        """The value; None where it is not set."""
        return self._value

    def __repr__(self) -> str:
        return f"Parameter(name={self._name!r}, type_={self._type}, value={self._value!r})"

    def get_parameter_value(self) -> ParameterValue:
        """As rcl_interfaces/ParameterValue."""
        message = ParameterValue(type=self._type.value)
        if self._type is not ParameterKind.NOT_SET:
            setattr(message, self._type.name.lower() + "_value", self._value)
        return message

    def to_parameter_msg(self) -> ParameterMsg:
        """As rcl_interfaces/Parameter."""
        return ParameterMsg(name=self._name, value=self.get_parameter_value())

    @classmethod
    def from_parameter_msg(cls, param_msg: ParameterMsg) -> Parameter:
        """From rcl_interfaces/Parameter."""
        kind = ParameterKind(param_msg.value.type)
        return cls(param_msg.name, kind, parameter_value_to_python(param_msg.value))


def parameter_value_to_python(parameter_value: ParameterValue) -> Any:
    """The Python value in a rcl_interfaces/ParameterValue; None where it is not set."""
    kind = ParameterKind(parameter_value.type)
    if kind is ParameterKind.NOT_SET:
        return None
    value = getattr(parameter_value, kind.name.lower() + "_value")
    return list(value) if kind.name.endswith("_ARRAY") else value


def get_parameter_value(string_value: str) -> ParameterValue:
    """A value from YAML as it is typed on a command line; what is no parameter value is taken as text."""
    try:
        value = yaml.safe_load(string_value)
        return Parameter("", value=string_value if value is None else value).get_parameter_value()
    except (yaml.YAMLError, TypeError):
        return Parameter("", value=string_value).get_parameter_value()


def parameter_dict_from_yaml_file(
    parameter_file: str, use_wildcard: bool = False, target_nodes: list[str] | None = None, namespace: str = ""
) -> dict[str, ParameterMsg]:
    """The parameters of a parameter file by name.

    Args:
        parameter_file: its path.
        use_wildcard: whether the section `/**` counts, too.
        target_nodes: the sections that count; all where it is None or empty.
        namespace: prefix of the parameters' names.

    Raises:
        RuntimeError: a target node, or every section, is missing.
        ParameterFileError: the file is missing or malformed.
    """
    sections = load_parameter_file(parameter_file)
    missing = [node for node in target_nodes or () if node not in sections]
    if missing:
        raise RuntimeError(f"{parameter_file} has no parameters for {missing}; it has some for {list(sections)}")
    chosen = target_nodes or [node for node in sections if node != "/**"]
    chosen = ["/**", *chosen] if use_wildcard and "/**" in sections else chosen
    if not chosen:
        raise RuntimeError(f"{parameter_file} has no section that counts; it has {list(sections)}")
    found = [item for node in chosen for item in flatten(sections[node], node, namespace)]
    return {name: Parameter(name, value=value).to_parameter_msg() for name, value in found}
