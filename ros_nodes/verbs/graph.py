"""Finding topics, services and nodes by name, and errors that say what there is."""

from __future__ import annotations

from collections.abc import Iterable

from rclpy.topic_or_service_is_hidden import topic_or_service_is_hidden

from robot_wm.errors import RobotWmError
from ros_nodes.verbs.session import FIND_S, Session

NamesAndTypes = list[tuple[str, list[str]]]


def absolute(name: str) -> str:
    """A name with the leading slash that it may lack."""
    return "/" + name.lstrip("/")


def visible(found: Iterable[tuple[str, list[str]]], include_hidden: bool = False) -> NamesAndTypes:
    """Names with types, in order, without those that have a part beginning with an underscore."""
    return [
        (name, list(types)) for name, types in sorted(found) if include_hidden or not topic_or_service_is_hidden(name)
    ]


def print_names(found: NamesAndTypes, show_types: bool, count: bool) -> None:
    """One name a line, with its types in brackets if wanted; or only how many there are."""
    if count:
        print(len(found))
        return
    for name, types in found:
        print(f"{name} [{', '.join(types)}]" if show_types else name)


def node_names(session: Session, include_hidden: bool = False) -> list[str]:
    """Full names of the nodes, in order."""
    named = session.node.get_node_names_and_namespaces()
    return sorted(
        f"{namespace.rstrip('/')}/{name}" for name, namespace in named if include_hidden or not name.startswith("_")
    )


def find_node(session: Session, name: str, timeout_s: float = FIND_S) -> str:
    """The full name of a node, once it is there.

    Raises:
        RobotWmError: it does not appear in time.
    """
    wanted = absolute(name)
    if not session.until(lambda: wanted in node_names(session, include_hidden=True), timeout_s):
        raise RobotWmError(f"Node not found: '{wanted}'; {there('node', node_names(session))}")
    return wanted


def find_topic(session: Session, name: str, timeout_s: float = FIND_S) -> tuple[str, list[str]]:
    """The full name and the types of a topic, once it has a publisher or a subscription.

    Raises:
        RobotWmError: it does not appear in time.
    """
    return _find(session, name, "topic", session.node.get_topic_names_and_types, timeout_s)


def find_service(session: Session, name: str, timeout_s: float = FIND_S) -> tuple[str, list[str]]:
    """The full name and the types of a service, once it is there.

    Raises:
        RobotWmError: it does not appear in time.
    """
    return _find(session, name, "service", session.node.get_service_names_and_types, timeout_s)


def _find(session: Session, name: str, kind: str, ask: object, timeout_s: float) -> tuple[str, list[str]]:
    assert callable(ask)
    wanted = absolute(name)
    if not session.until(lambda: wanted in dict(ask()), timeout_s):
        names = [known for known, _ in visible(ask())]
        raise RobotWmError(f"Unknown {kind} '{wanted}'; {there(kind, names)}")
    return wanted, dict(ask())[wanted]


def one_type(name: str, types: list[str]) -> str:
    """The type of a topic or service.

    Raises:
        RobotWmError: it has several, so that one must be chosen.
    """
    if len(types) != 1:
        raise RobotWmError(f"'{name}' has more than one type: {', '.join(types)}; give one of them after the name")
    return types[0]


def there(kind: str, names: list[str]) -> str:
    """The names that there are, for an error about one that there is not."""
    return (
        f"there are {', '.join(names)}"
        if names
        else f"there is no {kind}; is the system running in this ROS_DOMAIN_ID?"
    )
