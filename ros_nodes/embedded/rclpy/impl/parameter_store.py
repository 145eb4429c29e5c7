"""Values and descriptors of a node's parameters, and the one way by which they change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, ParameterEvent, SetParametersResult

from rclpy.impl.parameter_checks import fitted, reason_against
from rclpy.parameter import Parameter

Check = Callable[[list[Parameter]], SetParametersResult]
After = Callable[[list[Parameter]], None]
Before = Callable[[list[Parameter]], list[Parameter]]


class ParameterStore:
    """Parameters with their callbacks; thread-safe.

    Args:
        announce: publishes what changed.
    """

    def __init__(self, announce: Callable[[ParameterEvent], None]) -> None:
        self.lock = threading.RLock()
        self.values: dict[str, Parameter] = {}
        self.descriptors: dict[str, ParameterDescriptor] = {}
        self.before: list[Before] = []
        self.checks: list[Check] = []
        self.after: list[After] = []
        self._announce = announce

    def set(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        """Change all or none by the descriptors that they have; one that is unset is forgotten."""
        read_only = [p.name for p in parameters if p.name in self.descriptors and self.descriptors[p.name].read_only]
        if read_only:
            return _refusal(f"Trying to set a read-only parameter: {read_only[0]}.")
        return self._apply(parameters, self.descriptors, keep_unset=False)

    def declare(self, parameter: Parameter, descriptor: ParameterDescriptor) -> SetParametersResult:
        """Add one."""
        return self._apply([parameter], {parameter.name: descriptor}, keep_unset=True)

    def describe(self, parameter: Parameter, descriptor: ParameterDescriptor) -> str | None:
        """Give a declared parameter a value and a descriptor in silence; returns why they do not go together."""
        wanted = fitted(parameter, descriptor)
        reason = reason_against(wanted, descriptor, may_be_unset=False)
        if reason is None:
            descriptor.name = parameter.name
            if descriptor.dynamic_typing:
                descriptor.type = wanted.type_.value
            self.values[parameter.name], self.descriptors[parameter.name] = wanted, descriptor
        return reason

    def _apply(
        self, parameters: Sequence[Parameter], descriptors: Mapping[str, ParameterDescriptor], keep_unset: bool
    ) -> SetParametersResult:
        wanted = []
        for parameter in parameters:
            descriptor = descriptors.get(parameter.name) or ParameterDescriptor(dynamic_typing=True)
            wanted.append(fitted(parameter, descriptor))
            reason = reason_against(wanted[-1], descriptor, may_be_unset=keep_unset)
            if reason is not None:
                return _refusal(reason)
        for check in list(self.checks):
            result = check(wanted)
            if not result.successful:
                return result
        event = ParameterEvent()
        for parameter in wanted:
            if keep_unset or parameter.type_ is not Parameter.Type.NOT_SET:
                self._store(parameter, descriptors.get(parameter.name), event)
            else:
                self.forget([parameter.name])
                event.deleted_parameters.append(parameter.to_parameter_msg())
        self._announce(event)
        for after in list(self.after):
            after(wanted)
        return SetParametersResult(successful=True)

    def _store(self, parameter: Parameter, descriptor: ParameterDescriptor | None, event: ParameterEvent) -> None:
        known = self.values.get(parameter.name)
        is_new = known is None or known.type_ is Parameter.Type.NOT_SET
        (event.new_parameters if is_new else event.changed_parameters).append(parameter.to_parameter_msg())
        chosen = descriptor or ParameterDescriptor(name=parameter.name, dynamic_typing=True)
        if chosen.dynamic_typing:
            chosen.type = parameter.type_.value
        self.values[parameter.name], self.descriptors[parameter.name] = parameter, chosen

    def forget(self, names: Iterable[str]) -> None:
        """Remove some."""
        for name in names:
            self.values.pop(name, None)
            self.descriptors.pop(name, None)


def _refusal(reason: str) -> Any:
    return SetParametersResult(successful=False, reason=reason)
