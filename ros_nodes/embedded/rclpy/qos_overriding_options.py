"""Policies of a topic's endpoints that parameters may override: `qos_overrides.<topic>.<publisher|subscription>.…`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult

from rclpy.duration import Duration
from rclpy.impl.qos_policies import QoSPolicyEnum, QoSPolicyKind
from rclpy.qos import QoSProfile

if TYPE_CHECKING:
    from rclpy.node import Node

QosCallbackResult = SetParametersResult
QosCallbackType = Callable[[QoSProfile], Any]
DEFAULT_KINDS = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY)
PUBLISHER, SUBSCRIPTION = "publisher", "subscription"


class InvalidQosOverridesError(Exception):
    """The profile that the parameters make is refused by the callback of the options."""


class QoSOverridingOptions:
    """Which policies of a publisher or a subscription have a parameter.

    Args:
        policy_kinds: those policies.
        callback: accepts or refuses the profile that results.
        entity_id: tells apart several endpoints of one topic.
    """

    def __init__(
        self,
        policy_kinds: Iterable[QoSPolicyKind],
        *,
        callback: QosCallbackType | None = None,
        entity_id: str | None = None,
    ) -> None:
        self.policy_kinds = tuple(policy_kinds)
        self.callback = callback
        self.entity_id = entity_id

    @classmethod
    def with_default_policies(
        cls, *, callback: QosCallbackType | None = None, entity_id: str | None = None
    ) -> QoSOverridingOptions:
        """History, depth and reliability."""
        return cls(DEFAULT_KINDS, callback=callback, entity_id=entity_id)


def overridden(
    node: Node, endpoint: str, topic: str, profile: QoSProfile, options: QoSOverridingOptions | None
) -> QoSProfile:
    """The profile after the parameters, which are declared here, read-only, with the profile's values as defaults.

    Args:
        node: the node that has the parameters.
        endpoint: PUBLISHER or SUBSCRIPTION.
        topic: full name of the topic.
        profile: what holds where no parameter says otherwise.
        options: the policies with a parameter; None for none.

    Raises:
        RuntimeError: a parameter names a value that the policy does not have.
        InvalidQosOverridesError: the callback refuses the profile.
    """
    if options is None:
        return profile
    name = f"qos_overrides.{topic}.{endpoint}" + (f"_{options.entity_id}" if options.entity_id is not None else "")
    result = copy(profile)
    for kind in options.policy_kinds:
        if kind is not QoSPolicyKind.LIFESPAN or endpoint == PUBLISHER:
            policy = kind.name.lower()
            given = _parameter(node, f"{name}.{policy}", _as_parameter(getattr(profile, policy)))
            setattr(result, policy, _as_policy(getattr(profile, policy), given, f"{name}.{policy}"))
    answer = options.callback(result) if options.callback is not None else None
    if answer is not None and not answer.successful:
        raise InvalidQosOverridesError(f"the QoS that the parameters {name}.* make is refused: {answer.reason}")
    return result


def _parameter(node: Node, name: str, default: Any) -> Any:
    if not node.has_parameter(name):
        description = "Overrides this policy of the endpoint; read when the endpoint is made."
        node.declare_parameter(name, default, ParameterDescriptor(description=description, read_only=True))
    return node.get_parameter(name).value


def _as_parameter(policy: Any) -> Any:
    if isinstance(policy, QoSPolicyEnum):
        return policy.short_key
    return policy.nanoseconds if isinstance(policy, Duration) else policy


def _as_policy(default: Any, given: Any, name: str) -> Any:
    if isinstance(default, Duration):
        return Duration(nanoseconds=given)
    if not isinstance(default, QoSPolicyEnum):
        return given
    try:
        return type(default)[given.upper()]
    except KeyError:
        choices = ", ".join(default.short_keys())
        raise RuntimeError(f"parameter '{name}' is '{given}'; it must be one of {choices}") from None
