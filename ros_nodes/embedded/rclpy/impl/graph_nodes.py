"""Nodes as participants announce them, and the message that does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rclpy.impl.logger import RcutilsLogger
from rclpy.impl.messages import message_class

INFO = "rmw_dds_common/msg/ParticipantEntitiesInfo"


@dataclass(eq=False)
class NodeEntities:
    """A node of this participant with the gids of its readers and writers.

    Attributes:
        quiet: gids whose incompatible peers are not warned about, because the node handles that event.
    """

    name: str
    namespace: str
    logger: RcutilsLogger
    readers: list[bytes] = field(default_factory=list)
    writers: list[bytes] = field(default_factory=list)
    quiet: set[bytes] = field(default_factory=set)


@dataclass(frozen=True)
class KnownNode:
    """A node of any participant, as announced."""

    name: str
    namespace: str
    participant: bytes
    readers: frozenset[bytes]
    writers: frozenset[bytes]

    @property
    def full_name(self) -> str:
        """Namespace and name."""
        return f"{self.namespace.rstrip('/')}/{self.name}"


def _gid_message(identity: bytes) -> Any:
    return message_class("rmw_dds_common/msg/Gid")(data=list(identity))


def _node_message(node: NodeEntities) -> Any:
    return message_class("rmw_dds_common/msg/NodeEntitiesInfo")(
        node_namespace=node.namespace,
        node_name=node.name,
        reader_gid_seq=[_gid_message(identity) for identity in node.readers],
        writer_gid_seq=[_gid_message(identity) for identity in node.writers],
    )


def info_message(participant: bytes, nodes: Iterable[NodeEntities]) -> Any:
    """What a participant announces."""
    sequence = [_node_message(node) for node in nodes]
    return message_class(INFO)(gid=_gid_message(participant), node_entities_info_seq=sequence)


def known_nodes(info: Any) -> list[KnownNode]:
    """What a participant has announced."""
    return [
        KnownNode(
            node.node_name,
            node.node_namespace,
            bytes(info.gid.data),
            frozenset(bytes(one.data) for one in node.reader_gid_seq),
            frozenset(bytes(one.data) for one in node.writer_gid_seq),
        )
        for node in info.node_entities_info_seq
    ]
