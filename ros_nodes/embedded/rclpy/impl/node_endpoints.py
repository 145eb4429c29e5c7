"""How many and which publishers, subscriptions, servers and clients a name has."""

from __future__ import annotations

from collections.abc import Iterable

from rclpy.impl.endpoints import REPLY, REQUEST, TOPIC, Endpoint
from rclpy.impl.graph import Graph
from rclpy.impl.graph_nodes import KnownNode
from rclpy.impl.types import ros_type_name
from rclpy.topic_endpoint_info import TopicEndpointInfo, TopicEndpointTypeEnum
from rclpy.type_hash import parse_type_hash


class NodeEndpoints:
    """Mixin of Node that counts and describes endpoints, of real and embedded peers alike."""

    _graph: Graph

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """The full name of a topic after remapping."""
        raise NotImplementedError

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        """The full name of a service after remapping."""
        raise NotImplementedError

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
