"""Which actions there are. An action shows by its feedback topic."""

from __future__ import annotations

from collections.abc import Iterable

from rclpy.node import Node

FEEDBACK_TOPIC = "/_action/feedback"
FEEDBACK_TYPE = "_FeedbackMessage"
NamesAndTypes = list[tuple[str, list[str]]]


def get_action_names_and_types(node: Node) -> NamesAndTypes:
    """All actions that have a server or a client, with their types."""
    return _actions(node.get_topic_names_and_types())


def get_action_server_names_and_types_by_node(
    node: Node, remote_node_name: str, remote_node_namespace: str
) -> NamesAndTypes:
    """The actions that a node serves, with their types."""
    return _actions(node.get_publisher_names_and_types_by_node(remote_node_name, remote_node_namespace))


def get_action_client_names_and_types_by_node(
    node: Node, remote_node_name: str, remote_node_namespace: str
) -> NamesAndTypes:
    """The actions of which a node is a client, with their types."""
    return _actions(node.get_subscriber_names_and_types_by_node(remote_node_name, remote_node_namespace))


def _actions(topics: Iterable[tuple[str, list[str]]]) -> NamesAndTypes:
    return [
        (name.removesuffix(FEEDBACK_TOPIC), [kind.removesuffix(FEEDBACK_TYPE) for kind in kinds])
        for name, kinds in topics
        if name.endswith(FEEDBACK_TOPIC)
    ]
