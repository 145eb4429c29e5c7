"""The parameters of a node: declaration, checks, callbacks."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult

from rclpy.exceptions import (
    InvalidParameterException,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from rclpy.parameter import Parameter

Check = Callable[[list[Parameter]], SetParametersResult]
After = Callable[[list[Parameter]], None]
Before = Callable[[list[Parameter]], list[Parameter]]


class NodeParameters:
    """Mixin of Node that holds its parameters; thread-safe."""

    def _init_parameters(self, overrides: dict[str, Any], allow_undeclared: bool, declare_overrides: bool) -> None:
        self._parameters: dict[str, Parameter] = {}
        self._descriptors: dict[str, ParameterDescriptor] = {}
        self._parameter_overrides = overrides
        self._allow_undeclared_parameters = allow_undeclared
        self._parameter_lock = threading.RLock()
        self._before_set: list[Before] = []
        self._on_set: list[Check] = []
        self._after_set: list[After] = []
        if declare_overrides:
            for name, value in overrides.items():
                self.declare_parameter(name, value)

    def declare_parameter(
        self,
        name: str,
        value: Any = None,
        descriptor: ParameterDescriptor | None = None,
        ignore_override: bool = False,
    ) -> Parameter:
        """Declare a parameter; the command line and parameter files win over the given default.

        Args:
            name: dotted name.
            value: the default, or a Parameter.Type for one that must be set from outside.
            descriptor: description, ranges, read-only, dynamic typing.
            ignore_override: keep the default.

        Raises:
            ParameterAlreadyDeclaredException: it was declared before.
            InvalidParameterException: the name is empty.
            InvalidParameterTypeException: the override is of another type.
            InvalidParameterValueException: a range or a callback refuses the value.
        """
        if not isinstance(name, str) or not name or name.startswith(".") or name.endswith("."):
            raise InvalidParameterException(str(name))
        with self._parameter_lock:
            if name in self._parameters:
                raise ParameterAlreadyDeclaredException(name)
            kind = value if isinstance(value, Parameter.Type) else Parameter.Type.from_parameter_value(value)
            default = None if isinstance(value, Parameter.Type) else value
            described = descriptor or ParameterDescriptor(dynamic_typing=kind is Parameter.Type.NOT_SET)
            described.name, described.type = name, kind.value
            overridden = name in self._parameter_overrides and not ignore_override
            chosen = self._parameter_overrides[name] if overridden else default
            parameter = _converted(Parameter(name, value=chosen), kind, described)
            self._refuse(parameter, described, kind)
            self._parameters[name], self._descriptors[name] = parameter, described
            for after in self._after_set:
                after([parameter])
            return parameter

    def _refuse(self, parameter: Parameter, descriptor: ParameterDescriptor, kind: Parameter.Type) -> None:
        if parameter.type_ is not kind and parameter.value is not None and not descriptor.dynamic_typing:
            raise InvalidParameterTypeException(parameter, kind.name)
        reason = _out_of_range(parameter, descriptor)
        if reason is None and parameter.value is not None:
            reason = next((result.reason for result in self._ask([parameter]) if not result.successful), None)
        if reason is not None:
            raise InvalidParameterValueException(parameter.name, parameter.value, reason)

    def _ask(self, parameters: list[Parameter]) -> Iterable[SetParametersResult]:
        for check in self._on_set:
            yield check(parameters)

    def declare_parameters(
        self, namespace: str, parameters: Iterable[tuple[Any, ...]], ignore_override: bool = False
    ) -> list[Parameter]:
        """Declare several: tuples (name, value, descriptor), the last two optional."""
        prefix = f"{namespace}." if namespace else ""
        return [
            self.declare_parameter(prefix + name, *rest, **({"ignore_override": True} if ignore_override else {}))
            for name, *rest in parameters
        ]

    def undeclare_parameter(self, name: str) -> None:
        """Forget a parameter.

        Raises:
            ParameterNotDeclaredException, ParameterImmutableException: there is none, or it is read-only.
        """
        with self._parameter_lock:
            if name not in self._parameters:
                raise ParameterNotDeclaredException(name)
            if self._descriptors[name].read_only:
                raise ParameterImmutableException(name)
            del self._parameters[name], self._descriptors[name]

    def has_parameter(self, name: str) -> bool:
        """Whether it is declared."""
        return name in self._parameters

    def get_parameter(self, name: str) -> Parameter:
        """A parameter.

        Raises:
            ParameterNotDeclaredException: nobody declared it.
            ParameterUninitializedException: it has a type but no value.
        """
        with self._parameter_lock:
            if name not in self._parameters:
                if self._allow_undeclared_parameters:
                    return Parameter(name)
                raise ParameterNotDeclaredException(name)
            parameter = self._parameters[name]
            if parameter.value is None and not self._descriptors[name].dynamic_typing:
                raise ParameterUninitializedException(name)
            return parameter

    def get_parameters(self, names: Iterable[str]) -> list[Parameter]:
        """Several parameters."""
        return [self.get_parameter(name) for name in names]

    def get_parameter_or(self, name: str, alternative_value: Parameter | None = None) -> Parameter:
        """A parameter, or the alternative where it is not declared or not set."""
        known = self._parameters.get(name)
        if known is not None and known.value is not None:
            return known
        return alternative_value or Parameter(name)

    def get_parameters_by_prefix(self, prefix: str) -> dict[str, Parameter]:
        """Parameters below a prefix, by the rest of their names."""
        start = f"{prefix}." if prefix else ""
        with self._parameter_lock:
            return {name[len(start) :]: p for name, p in self._parameters.items() if name.startswith(start)}

    def describe_parameter(self, name: str) -> ParameterDescriptor:
        """The descriptor of a parameter."""
        with self._parameter_lock:
            if name not in self._descriptors:
                raise ParameterNotDeclaredException(name)
            return self._descriptors[name]

    def describe_parameters(self, names: Iterable[str]) -> list[ParameterDescriptor]:
        """The descriptors of several parameters."""
        return [self.describe_parameter(name) for name in names]

    def set_parameters(self, parameter_list: Sequence[Parameter]) -> list[SetParametersResult]:
        """Set parameters one by one; each result says whether it was accepted, and why not.

        Raises:
            ParameterNotDeclaredException: one of them is not declared.
        """
        return [self.set_parameters_atomically([parameter]) for parameter in parameter_list]

    def set_parameters_atomically(self, parameter_list: Sequence[Parameter]) -> SetParametersResult:
        """Set all parameters or none."""
        with self._parameter_lock:
            wanted = list(parameter_list)
            for before in self._before_set:
                wanted = before(wanted)
            missing = [p.name for p in wanted if p.name not in self._parameters]
            if missing and not self._allow_undeclared_parameters:
                raise ParameterNotDeclaredException(missing)
            wanted = [self._fitting(parameter) for parameter in wanted]
            reason = next(filter(None, map(self._reason_against, wanted)), None)
            if reason is not None:
                return SetParametersResult(successful=False, reason=reason)
            for result in self._ask(wanted):
                if not result.successful:
                    return result
            for parameter in wanted:
                self._parameters[parameter.name] = parameter
                self._descriptors.setdefault(parameter.name, ParameterDescriptor(name=parameter.name))
            for after in self._after_set:
                after(wanted)
            return SetParametersResult(successful=True)

    def _fitting(self, parameter: Parameter) -> Parameter:
        descriptor = self._descriptors.get(parameter.name)
        if descriptor is None:
            return parameter
        return _converted(parameter, Parameter.Type(descriptor.type), descriptor)

    def _reason_against(self, parameter: Parameter) -> str | None:
        descriptor = self._descriptors.get(parameter.name)
        if descriptor is None:
            return None
        if descriptor.read_only:
            return f"Trying to set a read-only parameter: {parameter.name}."
        if not descriptor.dynamic_typing and parameter.type_.value != descriptor.type:
            expected = Parameter.Type(descriptor.type).name
            return f"Wrong parameter type, expected '{expected}' got '{parameter.type_.name}'"
        return _out_of_range(parameter, descriptor)

    def add_pre_set_parameters_callback(self, callback: Before) -> None:
        """Call back before a set, to change what will be set."""
        self._before_set.insert(0, callback)

    def add_on_set_parameters_callback(self, callback: Check) -> None:
        """Call back to accept or refuse what will be set."""
        self._on_set.insert(0, callback)

    def add_post_set_parameters_callback(self, callback: After) -> None:
        """Call back after a set."""
        self._after_set.insert(0, callback)

    def remove_on_set_parameters_callback(self, callback: Check) -> None:
        """Stop asking a callback."""
        self._on_set.remove(callback)


def _converted(parameter: Parameter, kind: Parameter.Type, descriptor: ParameterDescriptor) -> Parameter:
    """An empty list fits every list type; rclpy guesses byte array for it."""
    if parameter.value == [] and kind.name.endswith("_ARRAY") and not descriptor.dynamic_typing:
        return Parameter(parameter.name, kind, parameter.value)
    return parameter


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
            return f"Parameter {parameter.name} out of range. Min: {low}, Max: {high}, value: {value}"
        if span.step and not math.isclose((value - low) / span.step, round((value - low) / span.step)):
            return f"The parameter value for {parameter.name} must be a multiple of {span.step} above {low}"
    return None
