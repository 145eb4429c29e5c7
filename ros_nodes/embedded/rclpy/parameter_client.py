"""Reading and setting the parameters of another node."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)

from rclpy.callback_groups import CallbackGroup
from rclpy.client import Client
from rclpy.parameter import Parameter, parameter_dict_from_yaml_file
from rclpy.qos import QoSProfile, qos_profile_parameter_events, qos_profile_services_default
from rclpy.subscription import Subscription
from rclpy.task import Future

if TYPE_CHECKING:
    from rclpy.node import Node

Done = Callable[[Future], None]
POLL_S = 0.05


class AsyncParameterClient:
    """Clients of the six parameter services of one node; each method returns a future of the service's response.

    Args:
        node: the node that asks.
        remote_node_name: the node that is asked.
        qos_profile: of the clients.
        callback_group: of the clients.
    """

    def __init__(
        self,
        node: Node,
        remote_node_name: str,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> None:
        self.node, self.remote_node_name = node, remote_node_name

        def client(service: Any, name: str) -> Client:
            full = f"{remote_node_name}/{name}"
            return node.create_client(service, full, qos_profile=qos_profile, callback_group=callback_group)

        self._get = client(GetParameters, "get_parameters")
        self._list = client(ListParameters, "list_parameters")
        self._set = client(SetParameters, "set_parameters")
        self._get_types = client(GetParameterTypes, "get_parameter_types")
        self._describe = client(DescribeParameters, "describe_parameters")
        self._set_atomically = client(SetParametersAtomically, "set_parameters_atomically")

    def services_are_ready(self) -> bool:
        """Whether all six services are there."""
        clients = (self._get, self._list, self._set, self._get_types, self._describe, self._set_atomically)
        return all(client.service_is_ready() for client in clients)

    def wait_for_services(self, timeout_sec: float | None = None) -> bool:
        """Wait until all six services are there; False where the timeout comes first."""
        start = time.monotonic()
        while not self.services_are_ready():
            if timeout_sec is not None and time.monotonic() - start >= timeout_sec:
                return False
            time.sleep(POLL_S)
        return True

    def list_parameters(
        self, prefixes: list[str] | None = None, depth: int | None = None, callback: Done | None = None
    ) -> Future:
        """List the names below some prefixes, to some depth."""
        return _call(self._list, ListParameters.Request(prefixes=prefixes or [], depth=depth or 0), callback)

    def get_parameters(self, names: list[str], callback: Done | None = None) -> Future:
        """Get values."""
        return _call(self._get, GetParameters.Request(names=names), callback)

    def set_parameters(self, parameters: Sequence[Parameter | ParameterMsg], callback: Done | None = None) -> Future:
        """Set parameters one by one."""
        return _call(self._set, SetParameters.Request(parameters=_messages(parameters)), callback)

    def describe_parameters(self, names: list[str], callback: Done | None = None) -> Future:
        """Get descriptors."""
        return _call(self._describe, DescribeParameters.Request(names=names), callback)

    def get_parameter_types(self, names: list[str], callback: Done | None = None) -> Future:
        """Get types."""
        return _call(self._get_types, GetParameterTypes.Request(names=names), callback)

    def set_parameters_atomically(
        self, parameters: Sequence[Parameter | ParameterMsg], callback: Done | None = None
    ) -> Future:
        """Set all parameters or none."""
        request = SetParametersAtomically.Request(parameters=_messages(parameters))
        return _call(self._set_atomically, request, callback)

    def delete_parameters(self, names: list[str], callback: Done | None = None) -> Future:
        """Unset parameters that are dynamically typed."""
        return self.set_parameters([Parameter(name) for name in names], callback)

    def load_parameter_file(
        self, parameter_file: str, use_wildcard: bool = False, callback: Done | None = None
    ) -> Future:
        """Set what a parameter file says, one by one."""
        return self.set_parameters(_from_file(parameter_file, use_wildcard), callback)

    def load_parameter_file_atomically(
        self, parameter_file: str, use_wildcard: bool = False, callback: Done | None = None
    ) -> Future:
        """Set what a parameter file says, all or nothing."""
        return self.set_parameters_atomically(_from_file(parameter_file, use_wildcard), callback)

    def on_parameter_event(
        self,
        callback: Callable[..., None],
        qos_profile: QoSProfile = qos_profile_parameter_events,
        **options: Any,
    ) -> Subscription:
        """Call back at changes of any node's parameters."""
        return self.node.create_subscription(ParameterEvent, "/parameter_events", callback, qos_profile, **options)


def _call(client: Client, request: Any, callback: Done | None) -> Future:
    future = client.call_async(request)
    if callback is not None:
        future.add_done_callback(callback)
    return future


def _messages(parameters: Sequence[Parameter | ParameterMsg]) -> list[ParameterMsg]:
    return [one.to_parameter_msg() if isinstance(one, Parameter) else one for one in parameters]


def _from_file(path: str, use_wildcard: bool) -> list[ParameterMsg]:
    return list(parameter_dict_from_yaml_file(path, use_wildcard).values())
