"""The node graph: this participant's nodes told to others on `ros_discovery_info`, and what others tell."""

from __future__ import annotations

import atexit
import threading

from cyclonedds.builtin import (
    BuiltinTopicDcpsParticipant,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
)
from cyclonedds.core import DDSException, GuardCondition, ReadCondition

from rclpy.impl.coding import encode
from rclpy.impl.endpoints import UNREAD, Discovered, Endpoint, Endpoints
from rclpy.impl.graph_checks import GraphChecks
from rclpy.impl.graph_nodes import INFO, KnownNode, NodeEntities, info_message, known_nodes
from rclpy.impl.idl import outgoing, wire_type
from rclpy.impl.participant import Participant, gid
from rclpy.impl.waitset import ReadySet
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile

BATCH = 256
RECHECK_NS = 200_000_000
LONG_NS = 3_600_000_000_000


class Graph:
    """Announces nodes and answers who publishes, subscribes and exists.

    A thread of its own announces and takes what discovery brings, so that neither waits for an executor.
    """

    def __init__(self, participant: Participant) -> None:
        self.gid = gid(participant.dds)
        self._nodes: list[NodeEntities] = []
        self._lock = threading.RLock()
        topic = participant.topic("ros_discovery_info", INFO)
        durable = {"durability": DurabilityPolicy.TRANSIENT_LOCAL}
        self._writer = participant.writer(topic, INFO, QoSProfile(depth=1, **durable))
        self._reader = participant.reader(topic, INFO, QoSProfile(history=HistoryPolicy.KEEP_ALL, **durable))
        self._infos: dict[bytes, list[KnownNode]] = {}
        self._participants = Discovered(participant.dds, BuiltinTopicDcpsParticipant)
        self._publications = Endpoints(participant.dds, BuiltinTopicDcpsPublication)
        self._subscriptions = Endpoints(participant.dds, BuiltinTopicDcpsSubscription)
        self._checks = GraphChecks(self)
        self._guard = GuardCondition(participant.dds)
        self._unannounced = self._closed = False
        self._conditions = (
            ReadCondition(self._reader, UNREAD),
            self._participants.condition,
            self._publications.condition,
            self._subscriptions.condition,
            self._guard,
        )
        self._ready_set = ReadySet(participant.dds)
        for condition in self._conditions:
            self._ready_set.add(condition)
        self._thread = threading.Thread(target=self._run, name="rclpy graph", daemon=True)
        self._thread.start()
        atexit.register(self._end)

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
        """Have the participant's nodes and their endpoints published as they are now."""
        with self._lock:
            self._unannounced = True
        if self._closed:
            self._publish_info()
        else:
            self._guard.set(True)

    def _publish_info(self) -> None:
        with self._lock:
            if not self._unannounced:
                return
            self._unannounced = False
            info = info_message(self.gid, self._nodes)
            self._writer.write(outgoing(wire_type(INFO), encode(info)))

    def _run(self) -> None:
        try:
            while True:
                self._ready_set.ready(RECHECK_NS if self._checks.pending else LONG_NS)
                self._guard.take()
                self._publish_info()
                if self._closed:
                    return
                self._checks.run()
        except DDSException:
            if not self._closed:
                raise
        finally:
            atexit.unregister(self._end)

    def close(self) -> None:
        """Stop looking around; what is known stays. Does not wait for the thread, since a signal handler may call."""
        self._closed = True
        self._guard.set(True)

    def _end(self) -> None:
        self.close()
        self._thread.join(1.0)

    def _refresh(self) -> None:
        for known in (self._participants, self._publications, self._subscriptions):
            known.refresh()
        while samples := self._reader.take(BATCH):
            for sample in samples:
                info = getattr(sample, "message", None)
                if info is not None and not isinstance(info, Exception):
                    self._infos[bytes(info.gid.data)] = known_nodes(info)
        self._infos = {key: info for key, info in self._infos.items() if key in self._participants.alive}

    def own_nodes(self) -> list[NodeEntities]:
        """The nodes of this participant."""
        with self._lock:
            return list(self._nodes)

    def nodes(self) -> list[KnownNode]:
        """The nodes that participants alive now have announced, this one's first."""
        with self._lock:
            self._refresh()
            own = [
                KnownNode(node.name, node.namespace, self.gid, frozenset(node.readers), frozenset(node.writers))
                for node in self._nodes
            ]
            others = [node for key, info in self._infos.items() if key != self.gid for node in info]
        return own + others

    def publications(self) -> dict[bytes, Endpoint]:
        """All writers alive in the domain, by gid."""
        with self._lock:
            self._refresh()
            return dict(self._publications.alive)

    def subscriptions(self) -> dict[bytes, Endpoint]:
        """All readers alive in the domain, by gid."""
        with self._lock:
            self._refresh()
            return dict(self._subscriptions.alive)
