"""ROS names: their rules, and the way from a relative name to a full one."""

import re
from collections.abc import Iterable

from rclpy.exceptions import (
    InvalidNamespaceException,
    InvalidNodeNameException,
    InvalidServiceNameException,
    InvalidTopicNameException,
)

_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ALLOWED = re.compile(r"[A-Za-z0-9_/~{}]*")
_SUBSTITUTION = re.compile(r"\{([^}]*)\}")


def check_node_name(name: str) -> None:
    """Raise InvalidNodeNameException unless the name is letters, digits and underscores, not starting with a digit."""
    if not isinstance(name, str) or not name:
        raise InvalidNodeNameException(str(name), "node name must not be empty", 0)
    if not _TOKEN.match(name):
        bad = next((i for i, letter in enumerate(name) if not re.match(r"[A-Za-z0-9_]", letter)), 0)
        raise InvalidNodeNameException(
            name, "node name must have only letters, digits and underscores and not start with a digit", bad
        )


def check_namespace(namespace: str) -> None:
    """Raise InvalidNamespaceException unless it is an absolute name of valid tokens."""
    if not namespace.startswith("/"):
        raise InvalidNamespaceException(namespace, "namespace must be absolute, it must lead with a '/'", 0)
    if namespace != "/" and not all(_TOKEN.match(token) for token in namespace[1:].split("/")):
        raise InvalidNamespaceException(namespace, "namespace must be valid names between single slashes", 0)


def expand(name: str, node_name: str, namespace: str, is_service: bool = False) -> str:
    """The full form of a topic or service name: `~` is the node, `{node}`, `{ns}` and `{namespace}` are replaced.

    Raises:
        InvalidTopicNameException, InvalidServiceNameException: the name breaks ROS 2's rules.
    """
    failure = InvalidServiceNameException if is_service else InvalidTopicNameException
    if not name:
        raise failure(name, "name must not be empty", 0)
    good = _ALLOWED.match(name)
    if good is None or good.end() != len(name):
        raise failure(name, "name has a character that is not allowed", good.end() if good else 0)
    values = {"node": node_name, "ns": namespace, "namespace": namespace}
    full = _SUBSTITUTION.sub(lambda match: values.get(match[1], match[0]).lstrip("/"), name)
    if full.startswith("~"):
        if len(full) > 1 and full[1] != "/":
            raise failure(name, "'~' must be followed by '/'", 1)
        full = f"{namespace.rstrip('/')}/{node_name}{full[1:]}"
    elif not full.startswith("/"):
        full = f"{namespace.rstrip('/')}/{full}"
    if not all(_TOKEN.match(token) for token in full[1:].split("/")):
        raise failure(name, f"'{full}' has an empty part, or one that starts with a digit", 0)
    return full


def remap(full_name: str, rules: Iterable[tuple[str, str]], node_name: str, namespace: str) -> str:
    """Apply the first remapping rule whose left side, expanded, is the given full name."""
    for left, right in rules:
        if expand(left, node_name, namespace) == full_name:
            return expand(right, node_name, namespace)
    return full_name
