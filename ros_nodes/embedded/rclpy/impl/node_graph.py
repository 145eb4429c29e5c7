"""What a node can ask about the rest of the system."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rclpy.exceptions import NodeNameNonExistentError
from rclpy.impl.endpoints import REPLY, REQUEST, TOPIC, Endpoint
from rclpy.impl.graph import Graph, KnownNode
from rclpy.impl.types import ros_type_name
from rclpy.topic_endpoint_info import TopicEndpointInfo, TopicEndpointTypeEnum
from rclpy.type_hash import parse_type_hash

NamesAndTypes = list[tuple[str, list[str]]]
POLL_S = 0.05


class NodeGraph:
    """Mixin of Node that answers from DDS discovery, for real and embedded peers alike."""

    _graph: Graph

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """The full name of a topic after remapping."""
        raise NotImplementedError

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        """The full name of a service after remapping."""
        raise NotImplementedError

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

    def count_publishers(self, topic_name: str) -> int:
        """Number of publishers of a topic; the name is expanded but not remapped."""
        full = self.resolve_topic_name(topic_name, only_expand=True)
        return len(_named(self._graph.publications().values(), TOPIC, full))

    def count_subscribers(self, topic_name: str) -> int:
        """Number of subscriptions of a topic; the name is expanded but not remapped."""
        full = self.resolve_topic_name(topic_name, only_expand=True)
        return len(_named(self._graph.subscriptions().values(), TOPIC, full))

    def count_services(self, service_name: str) -> int:
        """Number of servers of a service; the name is expanded but not remapped."""
        full = self.resolve_service_name(service_name, only_expand=True)
        return len(_named(self._graph.subscriptions().values(), REQUEST, full))

    def count_clients(self, service_name: str) -> int:
        """Number of clients of a service; the name is expanded but not remapped."""
        full = self.resolve_service_name(service_name, only_expand=True)
        return len(_named(self._graph.subscriptions().values(), REPLY, full))

    def get_publishers_info_by_topic(self, topic_name: str, no_mangle: bool = False) -> list[TopicEndpointInfo]:
        """What is known of each publisher of a topic.

        Args:
            topic_name: expanded and remapped as this node's own topics are.
            no_mangle: it is the name of a DDS topic.
        """
        endpoints = self._graph.publications().values()
        return self._infos(endpoints, topic_name, no_mangle, TopicEndpointTypeEnum.PUBLISHER)

    def get_subscriptions_info_by_topic(self, topic_name: str, no_mangle: bool = False) -> list[TopicEndpointInfo]:
        """What is known of each subscription of a topic.

        Args:
            topic_name: expanded and remapped as this node's own topics are.
            no_mangle: it is the name of a DDS topic.
        """
        endpoints = self._graph.subscriptions().values()
        return self._infos(endpoints, topic_name, no_mangle, TopicEndpointTypeEnum.SUBSCRIPTION)

    def _infos(
        self, endpoints: Iterable[Endpoint], name: str, no_mangle: bool, kind: TopicEndpointTypeEnum
    ) -> list[TopicEndpointInfo]:
        owners = {gid: node for node in self._graph.nodes() for gid in node.readers | node.writers}
        dds_name = name if no_mangle else TOPIC + self.resolve_topic_name(name)
        return [_info(one, owners.get(one.gid), kind, no_mangle) for one in endpoints if one.topic == dds_name]


def _info(
    endpoint: Endpoint, owner: KnownNode | None, kind: TopicEndpointTypeEnum, no_mangle: bool
) -> TopicEndpointInfo:
    return TopicEndpointInfo(
        node_name=owner.name if owner else "_NODE_NAME_UNKNOWN_",
        node_namespace=owner.namespace if owner else "_NODE_NAMESPACE_UNKNOWN_",
        topic_type=endpoint.type_name if no_mangle else ros_type_name(endpoint.type_name),
        topic_type_hash=parse_type_hash(endpoint.type_hash),
        endpoint_type=kind,
        endpoint_gid=list(endpoint.gid),
        qos_profile=endpoint.profile,
    )


def _named(endpoints: Iterable[Endpoint], prefix: str, name: str) -> list[Endpoint]:
    return [endpoint for endpoint in endpoints if endpoint.ros_name(prefix) == name]


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
