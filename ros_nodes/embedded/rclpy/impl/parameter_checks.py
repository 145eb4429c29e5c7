"""Whether a parameter's value fits its descriptor."""

from __future__ import annotations

import math

from rcl_interfaces.msg import ParameterDescriptor

from rclpy.parameter import Parameter

WRONG_TYPE = "Wrong parameter type"
RELATIVE_TOLERANCE = 1e-6


def fitted(parameter: Parameter, descriptor: ParameterDescriptor) -> Parameter:
    """The parameter with its descriptor's list type where it is an empty list, which fits every one."""
    kind = Parameter.Type(descriptor.type)
    if parameter.value == [] and kind.name.endswith("_ARRAY") and not descriptor.dynamic_typing:
        return Parameter(parameter.name, kind, parameter.value)
    return parameter


def reason_against(parameter: Parameter, descriptor: ParameterDescriptor, *, may_be_unset: bool) -> str | None:
    """Why a value does not fit, or None where it does; a type without a value fits where `may_be_unset`."""
    is_unset = parameter.type_ is Parameter.Type.NOT_SET
    if is_unset and (may_be_unset or descriptor.dynamic_typing):
        return None
    if is_unset:
        return "Static parameter cannot be undeclared"
    if not descriptor.dynamic_typing and parameter.type_.value != descriptor.type:
        expected = Parameter.Type(descriptor.type).name
        return f"{WRONG_TYPE}, expected 'Type.{expected}' got 'Type.{parameter.type_.name}'"
    return _out_of_range(parameter, descriptor)


def _out_of_range(parameter: Parameter, descriptor: ParameterDescriptor) -> str | None:
    name, value, kind = parameter.name, parameter.value, parameter.type_
    ranges = {
        Parameter.Type.INTEGER: descriptor.integer_range,
        Parameter.Type.DOUBLE: descriptor.floating_point_range,
    }.get(kind, ())
    for span in ranges:
        low, high = sorted((span.from_value, span.to_value))
        if _is_close(value, low) or _is_close(value, high):
            continue
        if not low < value < high:
            return (
                f"Parameter {name} out of range{'.' * isinstance(value, int)} Min: {low}, Max: {high}, value: {value}"
            )
        if span.step and not _is_close(low + round((value - low) / span.step) * span.step, value):
            return f"Parameter {name} is {value}, which is no multiple of {span.step} above {low}"
    return None


def _is_close(value: float, other: float) -> bool:
    return value == other if isinstance(value, int) else math.isclose(value, other, rel_tol=RELATIVE_TOLERANCE)
