"""Parameters with a description, a range, and a rule for when they may change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter


class Change(Enum):
    """When a parameter may change; the text is shown by `ros2 param describe`."""

    ANY_TIME = "may change at any time and takes effect at once"
    UNCONFIGURED = "may change while the node is unconfigured"
    AT_START = "is read once at start"
    LOWER = "a limit: may be lowered at any time, and raised up to what it was when the node was configured"
    HIGHER = "a limit: may be raised at any time, and lowered down to what it was when the node was configured"


@dataclass(frozen=True)
class _Rule:
    change: Change
    configured: Any = None


class DescribedParameters:
    """Declares a node's parameters and refuses changes that would be unsafe or without effect.

    Args:
        node: The node that has the parameters.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._rules: dict[str, _Rule] = {}
        self._is_configured = False
        node.add_on_set_parameters_callback(self._check)

    def declare(
        self, name: str, default: Any, description: str, low: float | None, high: float | None, change: Change
    ) -> Any:
        """Declares one parameter and returns its value.

        Raises:
            rclpy.exceptions.InvalidParameterTypeException: It was given with another type than its default's.
            rclpy.exceptions.InvalidParameterValueException: It was given a value out of its range.
        """
        descriptor = ParameterDescriptor(
            description=description, additional_constraints=change.value, read_only=change is Change.AT_START
        )
        if low is not None and high is not None:
            if isinstance(default, int):
                descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=0)]
            else:
                descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high, step=0.0)]
        self._rules[name] = _Rule(change)
        return self._node.declare_parameter(name, default, descriptor).value

    def freeze(self) -> None:
        """From now on the node is configured: the values at this moment are the loosest for limits."""
        for name, rule in self._rules.items():
            self._rules[name] = _Rule(rule.change, self._node.get_parameter(name).value)
        self._is_configured = True

    def thaw(self) -> None:
        """The node is unconfigured again: everything may change."""
        self._is_configured = False

    def warn_about_unknown(self) -> None:
        """Warns of names on the command line or in a file that the node does not have; rclpy passes over them."""
        given = getattr(self._node, "_parameter_overrides", {})
        unknown = [name for name in given if not self._node.has_parameter(name)]
        unknown = sorted(name for name in unknown if not name.startswith("qos_overrides."))
        if unknown:
            known = ", ".join(sorted(self._rules))
            self._node.get_logger().warning(f"unknown parameters are ignored: {', '.join(unknown)}; known are: {known}")

    def _check(self, parameters: list[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            reason = self._reason_against(parameter)
            if reason:
                return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    def _reason_against(self, parameter: Parameter) -> str:
        rule = self._rules.get(parameter.name)
        if rule is None or not self._is_configured or parameter.value == rule.configured:
            return ""
        if rule.change is Change.UNCONFIGURED:
            name = self._node.get_fully_qualified_name()
            return (
                f"'{parameter.name}' takes effect only when the node is configured; bring it to unconfigured first: "
                f"ros2 lifecycle set {name} deactivate, then cleanup"
            )
        if _is_looser(parameter.value, rule):
            return (
                f"'{parameter.name}' is a limit that was {rule.configured} when the node was configured; at run time "
                f"it may only be made tighter, and {parameter.value} is looser: clean the node up to loosen it"
            )
        return ""


def _is_looser(value: Any, rule: _Rule) -> bool:
    if rule.change not in (Change.LOWER, Change.HIGHER) or not isinstance(value, (int, float)):
        return False
    return value > rule.configured if rule.change is Change.LOWER else value < rule.configured
