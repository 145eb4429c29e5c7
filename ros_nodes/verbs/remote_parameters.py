"""The parameters of another node, with errors that say what it has."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterDescriptor, ParameterValue
from rclpy.parameter import get_parameter_value
from rclpy.parameter_client import AsyncParameterClient

from robot_wm.errors import RobotWmError
from ros_nodes.verbs.graph import find_node
from ros_nodes.verbs.session import DISCOVERY_S, Session


class RemoteParameters:
    """Asks the parameter services of one node.

    Raises:
        RobotWmError: there is no such node, or it has no parameter services.
    """

    def __init__(self, session: Session, node_name: str) -> None:
        self.node_name = find_node(session, node_name)
        self._session = session
        self._client = AsyncParameterClient(session.node, self.node_name)
        if not session.until(self._client.services_are_ready, DISCOVERY_S):
            raise RobotWmError(f"node '{self.node_name}' has no parameter services, or they are stuck")

    def _result(self, future: Any) -> Any:
        return self._session.result(future, f"node '{self.node_name}'")

    def names(self) -> list[str]:
        """The names in order."""
        return sorted(self._result(self._client.list_parameters()).result.names)

    def get(self, names: list[str]) -> list[ParameterValue]:
        """The values.

        Raises:
            RobotWmError: one of them is not declared or not set.
        """
        values = list(self._result(self._client.get_parameters(names)).values)
        if len(values) != len(names):
            self._complain(names)
        return values

    def values(self, names: list[str]) -> dict[str, ParameterValue]:
        """The values of those that have one: a node answers nothing at all where one of several has none."""
        found: dict[str, ParameterValue] = {}
        for name in names:
            found |= dict(zip([name], self._result(self._client.get_parameters([name])).values, strict=False))
        return found

    def describe(self, names: list[str]) -> list[ParameterDescriptor]:
        """The descriptors.

        Raises:
            RobotWmError: one of them is not declared.
        """
        found = list(self._result(self._client.describe_parameters(names)).descriptors)
        if len(found) != len(names):
            self._complain(names)
        return found

    def set(self, name: str, text: str) -> None:
        """Sets one.

        Raises:
            RobotWmError: the node refuses it; says why.
        """
        message = ParameterMessage(name=name, value=get_parameter_value(text))
        result = self._result(self._client.set_parameters([message])).results[0]
        if result.successful:
            return
        if name not in self.names():
            self._complain([name])
        raise RobotWmError(f"Setting parameter failed: {result.reason or 'the node gives no reason'}")

    def _complain(self, names: list[str]) -> None:
        known = self.names()
        unknown = [name for name in names if name not in known]
        if unknown:
            there = f"it has {', '.join(known)}" if known else "it has none"
            raise RobotWmError(f"node '{self.node_name}' has no parameter '{unknown[0]}'; {there}")
        raise RobotWmError(f"Parameter not set: one of {', '.join(names)} of node '{self.node_name}'")
