"""`robot-wm action`: which actions there are, and who serves and uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from robot_wm.errors import RobotWmError
from ros_nodes.verbs.graph import NamesAndTypes, absolute, print_names, there
from ros_nodes.verbs.session import Session, run_verb


@dataclass(frozen=True)
class List:
    """Lists the actions.

    Attributes:
        show_types: Also the types.
        count_actions: Only how many there are.
    """

    show_types: Annotated[bool, tyro.conf.arg(aliases=["-t"])] = False
    count_actions: Annotated[bool, tyro.conf.arg(aliases=["-c"])] = False


@dataclass(frozen=True)
class Info:
    """Shows the clients and servers of an action.

    Attributes:
        action_name: The action.
        show_types: Also the types.
        count: Only how many there are.
    """

    action_name: tyro.conf.Positional[str]
    show_types: Annotated[bool, tyro.conf.arg(aliases=["-t"])] = False
    count: Annotated[bool, tyro.conf.arg(aliases=["-c"])] = False


def run(config: List | Info) -> int:
    """Runs one of the verbs; returns the exit code."""
    return run_verb(config, {List: list_actions, Info: show_info})


def _actions(session: Session) -> NamesAndTypes:
    from rclpy.action import get_action_names_and_types

    session.settle()
    return sorted(get_action_names_and_types(session.node))


def list_actions(session: Session, config: List) -> int:
    """Prints the actions."""
    print_names(_actions(session), config.show_types, config.count_actions)
    return 0


def show_info(session: Session, config: Info) -> int:
    """Prints who serves and who uses an action."""
    from rclpy.action import get_action_client_names_and_types_by_node, get_action_server_names_and_types_by_node

    wanted, names = absolute(config.action_name), [name for name, _ in _actions(session)]
    if wanted not in names:
        raise RobotWmError(f"Unknown action '{wanted}'; {there('action', names)}")
    clients = _having(session, wanted, get_action_client_names_and_types_by_node)
    servers = _having(session, wanted, get_action_server_names_and_types_by_node)
    print(f"Action: {wanted}")
    for title, nodes in (("Action clients", clients), ("Action servers", servers)):
        print(f"{title}: {len(nodes)}")
        for node, types in () if config.count else nodes:
            print(f"    {node} [{', '.join(types)}]" if config.show_types else f"    {node}")
    return 0


def _having(session: Session, action: str, ask: Any) -> NamesAndTypes:
    found = []
    for name, namespace in sorted(set(session.node.get_node_names_and_namespaces())):
        for known, types in ask(session.node, name, namespace):
            if known == action:
                found.append((f"{namespace.rstrip('/')}/{name}", list(types)))
    return found
