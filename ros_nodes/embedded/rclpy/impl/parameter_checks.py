"""Whether a parameter's value fits its descriptor."""

from __future__ import annotations

import math

from rcl_interfaces.msg import ParameterDescriptor

from rclpy.parameter import Parameter

WRONG_TYPE = "Wrong parameter type"


def fitted(parameter: Parameter, descriptor: ParameterDescriptor) -> Parameter:
    """The parameter with its descriptor's list type where it is an empty list, which fits every one."""
    kind = Parameter.Type(descriptor.type)
    if parameter.value == [] and kind.name.endswith("_ARRAY") and not descriptor.dynamic_typing:
        return Parameter(parameter.name, kind, parameter.value)
    return parameter


def reason_against(parameter: Parameter, descriptor: ParameterDescriptor, *, may_be_unset: bool) -> str | None:
    """Why a value does not fit, or None where it does; a type without a value fits where `may_be_unset`."""
    if may_be_unset and parameter.type_ is Parameter.Type.NOT_SET:
        return None
    if not descriptor.dynamic_typing and parameter.type_.value != descriptor.type:
        expected = Parameter.Type(descriptor.type).name
        return f"{WRONG_TYPE}, expected 'Type.{expected}' got 'Type.{parameter.type_.name}'"
    return _out_of_range(parameter, descriptor)


def _out_of_range(parameter: Parameter, descriptor: ParameterDescriptor) -> str | None:
    value = parameter.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    ranges = descriptor.integer_range if isinstance(value, int) else descriptor.floating_point_range
    for span in ranges:
        low, high = span.from_value, span.to_value
        if math.isclose(value, low) or math.isclose(value, high):
            continue
        if not low <= value <= high:
            return f"Parameter {parameter.name} out of range Min: {low}, Max: {high}, value: {value}"
        if span.step and not math.isclose((value - low) / span.step, round((value - low) / span.step)):
            return f"The parameter value for {parameter.name} must be a multiple of {span.step} above {low}"
    return None
