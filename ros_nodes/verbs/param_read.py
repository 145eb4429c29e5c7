"""`robot-wm param list`, `get`, `describe` and `dump`."""

from __future__ import annotations

import array
from dataclasses import dataclass
from functools import reduce
from typing import Any

import yaml
from rcl_interfaces.msg import ParameterDescriptor, ParameterValue
from rclpy.parameter import PARAMETER_SEPARATOR_STRING, Parameter, parameter_value_to_python
from tyro.conf import Positional

from robot_wm.errors import RobotWmError
from ros_nodes.verbs.graph import node_names
from ros_nodes.verbs.remote_parameters import RemoteParameters
from ros_nodes.verbs.session import Session

LABELS = {
    Parameter.Type.NOT_SET: ("not set", "Parameter not set."),
    Parameter.Type.BOOL: ("boolean", "Boolean value is:"),
    Parameter.Type.INTEGER: ("integer", "Integer value is:"),
    Parameter.Type.DOUBLE: ("double", "Double value is:"),
    Parameter.Type.STRING: ("string", "String value is:"),
    Parameter.Type.BYTE_ARRAY: ("byte array", "Byte values are:"),
    Parameter.Type.BOOL_ARRAY: ("boolean array", "Boolean values are:"),
    Parameter.Type.INTEGER_ARRAY: ("integer array", "Integer values are:"),
    Parameter.Type.DOUBLE_ARRAY: ("double array", "Double values are:"),
    Parameter.Type.STRING_ARRAY: ("string array", "String values are:"),
}
"""Type -> its name, and what stands before a value."""


@dataclass(frozen=True)
class List:
    """Lists the parameters of one node or of all.

    Attributes:
        node_name: The node; all where it is left out.
        param_type: Also the types.
    """

    node_name: Positional[str | None] = None
    param_type: bool = False


@dataclass(frozen=True)
class Get:
    """Shows the value of a parameter.

    Attributes:
        node_name: The node.
        parameter_name: The parameter.
        hide_type: Only the value.
    """

    node_name: Positional[str]
    parameter_name: Positional[str]
    hide_type: bool = False


@dataclass(frozen=True)
class Describe:
    """Shows type, description and limits of parameters.

    Attributes:
        node_name: The node.
        parameter_names: The parameters.
    """

    node_name: Positional[str]
    parameter_names: Positional[tuple[str, ...]]


@dataclass(frozen=True)
class Dump:
    """Prints all parameters of a node as a parameter file.

    Attributes:
        node_name: The node.
    """

    node_name: Positional[str]


def list_parameters(session: Session, config: List) -> int:
    """Prints names, below the names of their nodes where there is no single node."""
    if config.node_name is not None:
        return _print_names(RemoteParameters(session, config.node_name), config)
    session.settle()
    for name in node_names(session):
        try:
            remote = RemoteParameters(session, name)
        except RobotWmError as error:
            print(error)
            continue
        print(f"{name}:")
        _print_names(remote, config)
    return 0


def _print_names(remote: RemoteParameters, config: List) -> int:
    names = remote.names()
    if not config.param_type:
        for name in names:
            print(f"  {name}")
        return 0
    for name, descriptor in zip(names, remote.describe(names), strict=True):
        print(f"  {name} (type: {LABELS[Parameter.Type(descriptor.type)][0]})")
    return 0


def get(session: Session, config: Get) -> int:
    """Prints a value."""
    value = RemoteParameters(session, config.node_name).get([config.parameter_name])[0]
    label, plain = LABELS[Parameter.Type(value.type)][1], _plain(value)
    if config.hide_type:
        print(plain)
    else:
        print(label if plain is None else f"{label} {plain}")
    return 0


def describe(session: Session, config: Describe) -> int:
    """Prints descriptors."""
    if not config.parameter_names:
        raise RobotWmError("name the parameters to describe; robot-wm param list NODE lists them")
    for descriptor in RemoteParameters(session, config.node_name).describe(list(config.parameter_names)):
        print("\n".join(_description(descriptor)))
    return 0


def _description(descriptor: ParameterDescriptor) -> list[str]:
    lines = [f"Parameter name: {descriptor.name}", f"  Type: {LABELS[Parameter.Type(descriptor.type)][0]}"]
    if descriptor.description:
        lines.append(f"  Description: {descriptor.description}")
    lines.append("  Constraints:")
    if descriptor.read_only:
        lines.append("    Read only: true")
    for span in [*descriptor.floating_point_range, *descriptor.integer_range][:1]:
        lines += [f"    Min value: {span.from_value}", f"    Max value: {span.to_value}"]
        lines += [f"    Step: {span.step}"] if span.step else []
    if descriptor.additional_constraints:
        lines.append(f"    Additional constraints: {descriptor.additional_constraints}")
    return lines


def dump(session: Session, config: Dump) -> int:
    """Prints a parameter file of the values that a node has; parameters without a value are left out."""
    remote, tree = RemoteParameters(session, config.node_name), dict[str, Any]()
    for name, value in remote.values(remote.names()).items():
        if Parameter.Type(value.type) is not Parameter.Type.NOT_SET:
            *sections, last = name.split(PARAMETER_SEPARATOR_STRING)
            reduce(lambda inner, section: inner.setdefault(section, {}), sections, tree)[last] = _plain(value)
    print(yaml.safe_dump({remote.node_name: {"ros__parameters": tree}}, default_flow_style=False))
    return 0


def _plain(value: ParameterValue) -> Any:
    plain = parameter_value_to_python(value)
    return list(plain) if isinstance(plain, (tuple, array.array)) else plain
