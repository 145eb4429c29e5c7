"""The parameters of another node, with errors that say what it has."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterDescriptor, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.parameter import get_parameter_value

from robot_wm.errors import RobotWmError
from ros_nodes.verbs.graph import find_node
from ros_nodes.verbs.session import DISCOVERY_S, Session

SERVICES: dict[Any, str] = {
    DescribeParameters: "describe_parameters",
    GetParameters: "get_parameters",
    ListParameters: "list_parameters",
    SetParameters: "set_parameters",
}


class RemoteParameters:
    """Asks the parameter services of one node.

    Raises:
        RobotWmError: there is no such node, or it has no parameter services.
    """

    def __init__(self, session: Session, node_name: str) -> None:
        self.node_name = find_node(session, node_name)
        self._session = session
        # Humble's rclpy has no parameter client.
        self._clients = {
            kind: session.node.create_client(kind, f"{self.node_name}/{name}") for kind, name in SERVICES.items()
        }
        if not session.until(lambda: all(each.service_is_ready() for each in self._clients.values()), DISCOVERY_S):
            raise RobotWmError(f"node '{self.node_name}' has no parameter services, or they are stuck")

    def _ask(self, kind: Any, **request: Any) -> Any:
        future = self._clients[kind].call_async(kind.Request(**request))
        return self._session.result(future, f"node '{self.node_name}'")

    def names(self) -> list[str]:
        """The names in order."""
        return sorted(self._ask(ListParameters).result.names)

    def get(self, names: list[str]) -> list[ParameterValue]:
        """The values.

        Raises:
            RobotWmError: one of them is not declared or not set.
        """
        values = list(self._ask(GetParameters, names=names).values)
        if len(values) != len(names):
            self._complain(names)
        return values

    def values(self, names: list[str]) -> dict[str, ParameterValue]:
        """The values of those that have one: a node answers nothing at all where one of several has none."""
        found: dict[str, ParameterValue] = {}
        for name in names:
            found |= dict(zip([name], self._ask(GetParameters, names=[name]).values, strict=False))
        return found

    def describe(self, names: list[str]) -> list[ParameterDescriptor]:
        """The descriptors.

        Raises:
            RobotWmError: one of them is not declared.
        """
        found = list(self._ask(DescribeParameters, names=names).descriptors)
        if len(found) != len(names):
            self._complain(names)
        return found

    def set(self, name: str, text: str) -> None:
        """Sets one.

        Raises:
            RobotWmError: the node refuses it; says why.
        """
        message = ParameterMessage(name=name, value=get_parameter_value(text))
        result = self._ask(SetParameters, parameters=[message]).results[0]
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
