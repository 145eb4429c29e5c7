"""Which nodes, topics and services there are; the same for real and embedded peers."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rclpy.exceptions import NodeNameNonExistentError
from rclpy.impl.endpoints import REPLY, REQUEST, TOPIC, Endpoint
from rclpy.impl.graph_nodes import KnownNode
from rclpy.impl.node_endpoints import NodeEndpoints
from rclpy.impl.types import ros_type_name

NamesAndTypes = list[tuple[str, list[str]]]
POLL_S = 0.05


class NodeGraph(NodeEndpoints):
    """Mixin of Node that knows the nodes, and the names and types of what they have."""

    def get_node_names_and_namespaces(self) -> list[tuple[str, str]]:
        """Names and namespaces of all nodes."""
        return [(node.name, node.namespace) for node in self._graph.nodes()]

    def get_node_names_and_namespaces_with_enclaves(self) -> list[tuple[str, str, str]]:
        """Names, namespaces and security enclaves of all nodes; there is no enclave but the root."""
        return [(node.name, node.namespace, "/") for node in self._graph.nodes()]

    def get_node_names(self) -> list[str]:
        """Names of all nodes."""
        return [node.name for node in self._graph.nodes()]

    def get_fully_qualified_node_names(self) -> list[str]:
        """Full names of all nodes."""
        return [node.full_name for node in self._graph.nodes()]

    def wait_for_node(self, fully_qualified_node_name: str, timeout: float) -> bool:
        """Wait until a node of that full name is there.

        Args:
            fully_qualified_node_name: the name; a missing leading slash is added.
            timeout: seconds; a negative number waits for ever.

        Returns:
            False where the timeout comes first.
        """
        wanted, start = "/" + fully_qualified_node_name.lstrip("/"), time.monotonic()
        while wanted not in self.get_fully_qualified_node_names():
            if 0 <= timeout <= time.monotonic() - start:
                return False
            time.sleep(POLL_S)
        return True

    def get_topic_names_and_types(self, no_demangle: bool = False) -> NamesAndTypes:
        """All topics with the types that their endpoints have."""
        found = [*self._graph.publications().values(), *self._graph.subscriptions().values()]
        return _raw_names_and_types(found) if no_demangle else _names_and_types(found, TOPIC)

    def get_service_names_and_types(self) -> NamesAndTypes:
        """All services with their types, whether they have a server or clients only."""
        found = [*self._graph.publications().values(), *self._graph.subscriptions().values()]
        return _names_and_types(found, REQUEST)

    def get_publisher_names_and_types_by_node(
        self, node_name: str, node_namespace: str, no_demangle: bool = False
    ) -> NamesAndTypes:
        """The topics that a node publishes.

        Raises:
            NodeNameNonExistentError: there is no such node.
        """
        found = self._writers_of(node_name, node_namespace)
        return _raw_names_and_types(found) if no_demangle else _names_and_types(found, TOPIC)

    def get_subscriber_names_and_types_by_node(
        self, node_name: str, node_namespace: str, no_demangle: bool = False
    ) -> NamesAndTypes:
        """The topics that a node subscribes to.

        Raises:
            NodeNameNonExistentError: there is no such node.
        """
        found = self._readers_of(node_name, node_namespace)
        return _raw_names_and_types(found) if no_demangle else _names_and_types(found, TOPIC)

    def get_service_names_and_types_by_node(self, node_name: str, node_namespace: str) -> NamesAndTypes:
        """The services that a node offers.

        Raises:
            NodeNameNonExistentError: there is no such node.
        """
        return _names_and_types(self._readers_of(node_name, node_namespace), REQUEST)

    def get_client_names_and_types_by_node(self, node_name: str, node_namespace: str) -> NamesAndTypes:
        """The services that a node has clients of.

        Raises:
            NodeNameNonExistentError: there is no such node.
        """
        return _names_and_types(self._readers_of(node_name, node_namespace), REPLY)

    def _nodes_named(self, name: str, namespace: str) -> list[KnownNode]:
        wanted = "/" + namespace.strip("/")
        found = [node for node in self._graph.nodes() if (node.name, node.namespace) == (name, wanted)]
        if not found:
            raise NodeNameNonExistentError(name, wanted)
        return found

    def _writers_of(self, name: str, namespace: str) -> list[Endpoint]:
        known = self._graph.publications()
        return [known[gid] for node in self._nodes_named(name, namespace) for gid in node.writers if gid in known]

    def _readers_of(self, name: str, namespace: str) -> list[Endpoint]:
        known = self._graph.subscriptions()
        return [known[gid] for node in self._nodes_named(name, namespace) for gid in node.readers if gid in known]


def _raw_names_and_types(endpoints: Iterable[Endpoint]) -> NamesAndTypes:
    return _sorted((endpoint.topic, endpoint.type_name) for endpoint in endpoints)


def _names_and_types(endpoints: Iterable[Endpoint], prefix: str) -> NamesAndTypes:
    end = {TOPIC: "", REQUEST: "_Request", REPLY: "_Response"}[prefix]
    named = ((endpoint.ros_name(prefix), ros_type_name(endpoint.type_name)) for endpoint in endpoints)
    return _sorted((name, kind.removesuffix(end)) for name, kind in named if name is not None)


def _sorted(named: Iterable[tuple[str, str]]) -> NamesAndTypes:
    types: dict[str, set[str]] = {}
    for name, kind in named:
        types.setdefault(name, set()).add(kind)
    return [(name, sorted(kinds)) for name, kinds in sorted(types.items())]
