"""What a node can ask about the rest of the system."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cyclonedds.builtin_types import DcpsEndpoint

from rclpy.impl.graph import Graph
from rclpy.impl.types import ros_type_name


class NodeGraph:
    """Mixin of Node that answers from DDS discovery."""

    _graph: Graph

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """The full name of a topic after remapping."""
        raise NotImplementedError

    def get_node_names_and_namespaces(self) -> list[tuple[str, str]]:
        """Names and namespaces of all nodes."""
        return self._graph.nodes()

    def get_node_names(self) -> list[str]:
        """Names of all nodes."""
        return [name for name, _ in self.get_node_names_and_namespaces()]

    def get_fully_qualified_node_names(self) -> list[str]:
        """Full names of all nodes."""
        return [f"{namespace.rstrip('/')}/{name}" for name, namespace in self.get_node_names_and_namespaces()]

    def get_topic_names_and_types(self, no_demangle: bool = False) -> list[tuple[str, list[str]]]:
        """All topics with the types that their endpoints have."""
        endpoints = self._graph.publications() + self._graph.subscriptions()
        return _names_and_types(endpoints, "" if no_demangle else "rt", "")

    def get_service_names_and_types(self) -> list[tuple[str, list[str]]]:
        """All services with their types."""
        found = _names_and_types(self._graph.subscriptions(), "rq", "Request")
        return [(name, [kind.removesuffix("_Request") for kind in kinds]) for name, kinds in found]

    def count_publishers(self, topic_name: str) -> int:
        """Number of publishers of a topic."""
        return len(_on_topic(self._graph.publications(), self.resolve_topic_name(topic_name)))

    def count_subscribers(self, topic_name: str) -> int:
        """Number of subscriptions of a topic."""
        return len(_on_topic(self._graph.subscriptions(), self.resolve_topic_name(topic_name)))


def _on_topic(endpoints: Iterable[DcpsEndpoint], topic: str) -> list[DcpsEndpoint]:
    return [endpoint for endpoint in endpoints if endpoint.topic_name == "rt" + topic]


def _names_and_types(endpoints: Iterable[Any], prefix: str, suffix: str) -> list[tuple[str, list[str]]]:
    types: dict[str, set[str]] = {}
    for endpoint in endpoints:
        name = endpoint.topic_name
        if prefix and not (name.startswith(prefix + "/") and name.endswith(suffix)):
            continue
        bare = name[len(prefix) : len(name) - len(suffix)]
        types.setdefault(bare, set()).add(ros_type_name(endpoint.type_name) if prefix else endpoint.type_name)
    return [(name, sorted(kinds)) for name, kinds in sorted(types.items())]
