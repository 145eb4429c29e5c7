"""The node graph: this participant's nodes told to others on `ros_discovery_info`, and what others tell."""

import threading
from dataclasses import dataclass, field
from typing import Any

from cyclonedds.builtin import (
    BuiltinDataReader,
    BuiltinTopicDcpsParticipant,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
)
from cyclonedds.builtin_types import DcpsEndpoint
from cyclonedds.core import InstanceState

from rclpy.impl.coding import encode
from rclpy.impl.idl import outgoing, wire_type
from rclpy.impl.messages import message_class
from rclpy.impl.participant import Participant, gid
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile

INFO = "rmw_dds_common/msg/ParticipantEntitiesInfo"
MANY = 10_000


@dataclass
class NodeEntities:
    """A node of this participant with the gids of its readers and writers."""

    name: str
    namespace: str
    readers: list[bytes] = field(default_factory=list)
    writers: list[bytes] = field(default_factory=list)


def _gid_message(identity: bytes) -> Any:
    return message_class("rmw_dds_common/msg/Gid")(data=list(identity))


def _node_message(node: NodeEntities) -> Any:
    return message_class("rmw_dds_common/msg/NodeEntitiesInfo")(
        node_namespace=node.namespace,
        node_name=node.name,
        reader_gid_seq=[_gid_message(identity) for identity in node.readers],
        writer_gid_seq=[_gid_message(identity) for identity in node.writers],
    )


class Graph:
    """Announces nodes and answers who publishes, subscribes and exists."""

    def __init__(self, participant: Participant) -> None:
        self._participant = participant
        self._nodes: list[NodeEntities] = []
        self._lock = threading.Lock()
        topic = participant.topic("ros_discovery_info", INFO)
        durable = {"durability": DurabilityPolicy.TRANSIENT_LOCAL}
        self._writer = participant.writer(topic, INFO, QoSProfile(depth=1, **durable))
        self._reader = participant.reader(topic, INFO, QoSProfile(history=HistoryPolicy.KEEP_ALL, **durable))
        self._known: dict[bytes, Any] = {}
        dds = participant.dds
        self._participants = BuiltinDataReader(dds, BuiltinTopicDcpsParticipant)
        self._publications = BuiltinDataReader(dds, BuiltinTopicDcpsPublication)
        self._subscriptions = BuiltinDataReader(dds, BuiltinTopicDcpsSubscription)

    def add_node(self, node: NodeEntities) -> None:
        """Announce a node."""
        with self._lock:
            self._nodes.append(node)
        self.announce()

    def remove_node(self, node: NodeEntities) -> None:
        """Take back a node's announcement."""
        with self._lock:
            if node in self._nodes:
                self._nodes.remove(node)
        self.announce()

    def announce(self) -> None:
        """Publish the participant's nodes and their endpoints as they are now."""
        with self._lock:
            info = message_class(INFO)(
                gid=_gid_message(gid(self._participant.dds)),
                node_entities_info_seq=[_node_message(node) for node in self._nodes],
            )
            self._writer.write(outgoing(wire_type(INFO), encode(info)))

    def nodes(self) -> list[tuple[str, str]]:
        """Names and namespaces of the nodes that participants alive now have announced."""
        with self._lock:
            for sample in self._reader.take(MANY):
                info = getattr(sample, "message", None)
                if info is not None and not isinstance(info, Exception):
                    self._known[bytes(info.gid.data)] = info
            alive = {participant.key.bytes for participant in self._participants.read(MANY)}
            self._known = {identity: info for identity, info in self._known.items() if identity in alive}
            infos = list(self._known.values())
        return [(node.node_name, node.node_namespace) for info in infos for node in info.node_entities_info_seq]

    def publications(self) -> list[DcpsEndpoint]:
        """All writers alive in the domain."""
        return _alive(self._publications)

    def subscriptions(self) -> list[DcpsEndpoint]:
        """All readers alive in the domain."""
        return _alive(self._subscriptions)


def _alive(reader: BuiltinDataReader) -> list[DcpsEndpoint]:
    return [
        endpoint
        for endpoint in reader.read(MANY)
        if endpoint.sample_info.valid_data and endpoint.sample_info.instance_state & InstanceState.Alive
    ]
