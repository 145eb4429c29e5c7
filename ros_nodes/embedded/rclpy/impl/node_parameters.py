"""Declaring and setting the parameters of a node."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterDescriptor, ParameterEvent, ParameterValue, SetParametersResult

from rclpy.clock import ROSClock
from rclpy.exceptions import (
    InvalidParameterException,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
)
from rclpy.impl.node_parameter_queries import NodeParameterQueries
from rclpy.impl.parameter_checks import WRONG_TYPE, fitted
from rclpy.impl.parameter_store import After, Before, Check, ParameterStore
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_parameter_events


class NodeParameters(NodeParameterQueries):
    """Mixin of Node that declares and sets its parameters; thread-safe."""

    _clock: ROSClock

    def _init_parameters(self, overrides: dict[str, Parameter], allow_undeclared: bool, declare_all: bool) -> None:
        node: Any = self
        self._parameter_event_publisher = node.create_publisher(
            ParameterEvent, "/parameter_events", qos_profile_parameter_events
        )
        self._parameter_store = ParameterStore(self._publish_event)
        self._parameter_overrides = overrides
        self._allow_undeclared_parameters = allow_undeclared
        for name in overrides if declare_all else ():
            self.declare_parameter(name, overrides[name].value, ParameterDescriptor(dynamic_typing=False))

    def _publish_event(self, event: ParameterEvent) -> None:
        node: Any = self
        event.node, event.stamp = node.get_fully_qualified_name(), self._clock.now().to_msg()
        self._parameter_event_publisher.publish(event)

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
            ValueError: neither a value nor a type is given, and the descriptor does not allow any type.
        """
        if not isinstance(name, str) or not name or name.startswith(".") or name.endswith("."):
            raise InvalidParameterException(str(name))
        with self._parameter_store.lock:
            if name in self._parameter_store.values:
                raise ParameterAlreadyDeclaredException(name)
            described, default = _described(name, value, descriptor)
            overridden = name in self._parameter_overrides and not ignore_override
            chosen = self._parameter_overrides[name] if overridden else Parameter(name, value=default)
            parameter = fitted(chosen, described)
            result = self._parameter_store.declare(parameter, described)
            if not result.successful and result.reason.startswith(WRONG_TYPE):
                raise InvalidParameterTypeException(parameter, Parameter.Type(described.type).name)
            if not result.successful:
                raise InvalidParameterValueException(name, parameter.value, result.reason)
            return self._parameter_store.values[name]

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
        with self._parameter_store.lock:
            if self.describe_parameter(name).read_only:
                raise ParameterImmutableException(name)
            self._parameter_store.forget([name])

    def set_descriptor(
        self, name: str, descriptor: ParameterDescriptor, alternative_value: ParameterValue | None = None
    ) -> ParameterValue:
        """Describe a parameter anew; returns its value afterwards.

        Args:
            name: the parameter.
            descriptor: what holds from now on; its name is set.
            alternative_value: what the parameter gets where its value does not go with the descriptor.

        Raises:
            ParameterNotDeclaredException, ParameterImmutableException: there is none, or it is read-only.
            InvalidParameterValueException: neither its value nor the alternative goes with the descriptor.
        """
        with self._parameter_store.lock:
            parameter = self.get_parameter(name)
            if not self.has_parameter(name):
                return parameter.get_parameter_value()
            if self.describe_parameter(name).read_only:
                raise ParameterImmutableException(name)
            reason = self._parameter_store.describe(parameter, descriptor)
            if reason is not None and alternative_value is not None:
                parameter = Parameter.from_parameter_msg(ParameterMessage(name=name, value=alternative_value))
                reason = self._parameter_store.describe(parameter, descriptor)
            if reason is not None:
                raise InvalidParameterValueException(name, parameter.value, reason)
            return self.get_parameter(name).get_parameter_value()

    def set_parameters(self, parameter_list: Sequence[Parameter]) -> list[SetParametersResult]:
        """Set parameters one by one; each result says whether it was accepted, and why not.

        Raises:
            ParameterNotDeclaredException: one of them is not declared.
        """
        return [self.set_parameters_atomically([parameter]) for parameter in parameter_list]

    def set_parameters_atomically(self, parameter_list: Sequence[Parameter]) -> SetParametersResult:
        """Set all parameters or none.

        Raises:
            ParameterNotDeclaredException: one of them is not declared.
        """
        with self._parameter_store.lock:
            wanted = list(parameter_list)
            if self._parameter_store.before:
                wanted = [
                    changed for before in self._parameter_store.before for changed in before(list(parameter_list))
                ]
            if not wanted:
                return SetParametersResult(successful=False, reason="parameter list cannot be empty")
            missing = [p.name for p in wanted if p.name not in self._parameter_store.values]
            if missing and not self._allow_undeclared_parameters:
                raise ParameterNotDeclaredException(missing)
            return self._parameter_store.set(wanted)

    def add_pre_set_parameters_callback(self, callback: Before) -> None:
        """Call back before a set, to change what will be set."""
        self._parameter_store.before.insert(0, callback)

    def add_on_set_parameters_callback(self, callback: Check) -> None:
        """Call back to accept or refuse what will be set."""
        self._parameter_store.checks.insert(0, callback)

    def add_post_set_parameters_callback(self, callback: After) -> None:
        """Call back after a set."""
        self._parameter_store.after.insert(0, callback)

    def remove_pre_set_parameters_callback(self, callback: Before) -> None:
        """Stop asking a callback."""
        self._parameter_store.before.remove(callback)

    def remove_on_set_parameters_callback(self, callback: Check) -> None:
        """Stop asking a callback."""
        self._parameter_store.checks.remove(callback)

    def remove_post_set_parameters_callback(self, callback: After) -> None:
        """Stop telling a callback."""
        self._parameter_store.after.remove(callback)


def _described(name: str, value: Any, descriptor: ParameterDescriptor | None) -> tuple[ParameterDescriptor, Any]:
    """The descriptor with name and type, and the default value; a `Parameter.Type` stands for no value."""
    is_type = isinstance(value, Parameter.Type)
    kind = value if is_type else Parameter.Type.from_parameter_value(value)
    described = descriptor or ParameterDescriptor(dynamic_typing=kind is Parameter.Type.NOT_SET)
    if kind is Parameter.Type.NOT_SET and not described.dynamic_typing:
        raise ValueError(f"parameter '{name}' needs a default value, a Parameter.Type, or dynamic_typing=True")
    described.name, described.type = name, kind.value
    return described, None if is_type else value
