"""`robot-wm node`: which nodes there are, and what they have."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from typing import Annotated

import tyro

from ros_nodes.verbs.graph import NamesAndTypes, absolute, find_node, node_names, visible
from ros_nodes.verbs.session import Session, run_verb


@dataclass(frozen=True)
class List:
    """Lists the nodes.

    Attributes:
        all: Also nodes whose name begins with an underscore.
        count_nodes: Only how many there are.
    """

    all: Annotated[bool, tyro.conf.arg(aliases=["-a"])] = False
    count_nodes: Annotated[bool, tyro.conf.arg(aliases=["-c"])] = False


@dataclass(frozen=True)
class Info:
    """Shows what a node publishes, subscribes to, offers and calls.

    Attributes:
        node_name: Full name of the node.
        include_hidden: Also names with a part that begins with an underscore.
    """

    node_name: tyro.conf.Positional[str]
    include_hidden: bool = False


def run(config: List | Info) -> int:
    """Runs one of the verbs; returns the exit code."""
    return run_verb(config, {List: list_nodes, Info: show_info})


def list_nodes(session: Session, config: List) -> int:
    """Prints the nodes."""
    session.settle()
    names = node_names(session, config.all)
    if config.count_nodes:
        print(len(names))
        return 0
    if len(set(names)) < len(names):
        _warn("there are nodes in the graph that share an exact name, which can have unintended side effects.")
    for name in names:
        print(name)
    return 0


def show_info(session: Session, config: Info) -> int:
    """Prints what a node has."""
    full = find_node(session, config.node_name)
    session.settle()
    twins = Counter(node_names(session, include_hidden=True))[full]
    if twins > 1:
        _warn(f"there are {twins} nodes named '{full}'; this shows what they have together.")
    namespace, _, name = full.rpartition("/")
    namespace, node = absolute(namespace), session.node
    subscribed = node.get_subscriber_names_and_types_by_node(name, namespace)
    published = node.get_publisher_names_and_types_by_node(name, namespace)
    print(full)
    _section("Subscribers", subscribed, config)
    _section("Publishers", published, config)
    _section("Service Servers", node.get_service_names_and_types_by_node(name, namespace), config)
    _section("Service Clients", node.get_client_names_and_types_by_node(name, namespace), config)
    from rclpy.action import get_action_client_names_and_types_by_node, get_action_server_names_and_types_by_node

    _section("Action Servers", get_action_server_names_and_types_by_node(node, name, namespace), config)
    _section("Action Clients", get_action_client_names_and_types_by_node(node, name, namespace), config)
    return 0


def _section(title: str, found: NamesAndTypes, config: Info) -> None:
    print(f"  {title}:")
    for name, types in visible(found, config.include_hidden):
        print(f"    {name}: {', '.join(types)}")
    print()


def _warn(text: str) -> None:
    print(f"WARNING: Be aware that {text}", file=sys.stderr)
