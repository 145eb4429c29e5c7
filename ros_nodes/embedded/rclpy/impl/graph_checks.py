"""What is wrong in the graph for the nodes of this process: wrong types and incompatible QoS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from rclpy.impl.endpoints import REQUEST, TOPIC, Endpoint
from rclpy.impl.qos_compatibility import mismatches
from rclpy.impl.types import ros_type_name

if TYPE_CHECKING:
    from rclpy.impl.graph import Graph
    from rclpy.impl.graph_nodes import NodeEntities

NAME_PATIENCE_S = 1.0
"""How long the name of a peer's node is waited for; it is announced apart from the peer's endpoints."""


class _Peers(NamedTuple):
    """Endpoints by topic, node names by gid, and the faults that were not certain at the last look."""

    writers: dict[str, list[Endpoint]]
    readers: dict[str, list[Endpoint]]
    names: dict[bytes, str]
    since: dict[tuple[bytes, ...], float]


class GraphChecks:
    """Warns once of each fault, by the logger of the node that has it."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._said: set[tuple[bytes, ...]] = set()
        self._since: dict[tuple[bytes, ...], float] = {}

    @property
    def pending(self) -> bool:
        """Whether some fault is not certain yet, so that `run` must be called again soon."""
        return bool(self._since)

    def run(self) -> None:
        """Look at the graph as it is now."""
        previous, self._since = self._since, {}
        nodes = self._graph.nodes()
        writers, readers = self._graph.publications(), self._graph.subscriptions()
        names = {identity: node.full_name for node in nodes for identity in node.readers | node.writers}
        peers = _Peers(_by_topic(writers), _by_topic(readers), names, previous)
        for node in self._graph.own_nodes():
            for identity in list(node.readers):
                if identity in readers:
                    self._check(node, readers[identity], peers, is_reader=True)
            for identity in list(node.writers):
                if identity in writers:
                    self._check(node, writers[identity], peers, is_reader=False)

    def _check(self, node: NodeEntities, own: Endpoint, peers: _Peers, is_reader: bool) -> None:
        name = own.ros_name(TOPIC) or own.ros_name(REQUEST)
        if name is None:
            return
        for peer in (peers.writers if is_reader else peers.readers).get(own.topic, ()):
            key = own.gid, peer.gid
            if key in self._said:
                continue
            text = next(_faults(own, peer, name, is_reader, own.gid in node.quiet), None)
            patience_s = 0.0 if peer.gid in peers.names else NAME_PATIENCE_S
            if text is not None and self._is_certain(key, peers.since, patience_s):
                node.logger.warning(text.format(peer=peers.names.get(peer.gid, "an unknown node")))

    def _is_certain(self, key: tuple[bytes, ...], since: dict[tuple[bytes, ...], float], patience_s: float) -> bool:
        """Whether a fault has been there for long enough to be said; says so once."""
        now = time.monotonic()
        first = since.get(key, now)
        if now - first < patience_s:
            self._since[key] = first
            return False
        self._said.add(key)
        return True


def _by_topic(endpoints: dict[bytes, Endpoint]) -> dict[str, list[Endpoint]]:
    found: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints.values():
        found.setdefault(endpoint.topic, []).append(endpoint)
    return found


def _faults(own: Endpoint, peer: Endpoint, name: str, is_reader: bool, is_quiet: bool) -> Iterator[str]:
    """What keeps two endpoints of a topic apart; `{peer}` stands for the node of the other one."""
    if own.type_name != peer.type_name:
        yield _wrong_type(own, peer, name)
    elif own.ros_name(TOPIC) is None:
        return
    elif own.type_hash and peer.type_hash and own.type_hash != peer.type_hash:
        kind = ros_type_name(own.type_name)
        yield (
            f"'{name}': node '{{peer}}' has another definition of {kind} ({peer.type_hash}, here {own.type_hash})."
            " Use the same release of its package on both sides."
        )
    elif not is_quiet:
        yield from _incompatible_qos(own, peer, name, is_reader)


def _wrong_type(own: Endpoint, peer: Endpoint, name: str) -> str:
    ours = ros_type_name(own.type_name).removesuffix("_Request")
    theirs = ros_type_name(peer.type_name).removesuffix("_Request")
    what = "topic" if own.ros_name(TOPIC) else "service"
    return (
        f"Incompatible type on {what} '{name}': {ours} here, {theirs} in node '{{peer}}'; nothing passes between them."
        f" Use one type on both sides, or remap one of them (--ros-args -r {name}:={name}_other)."
    )


def _incompatible_qos(own: Endpoint, peer: Endpoint, name: str, is_reader: bool) -> Iterator[str]:
    offered, requested = (peer, own) if is_reader else (own, peer)
    for policy, offer, wish in mismatches(offered.profile, requested.profile):
        if is_reader:
            yield (
                f"New publisher discovered on topic '{name}', offering incompatible QoS. No messages will be received"
                f" from it. Last incompatible policy: {policy.name}: node '{{peer}}' offers {offer} and this"
                f" subscription requests {wish}. Have '{{peer}}' offer {wish}, or subscribe with {offer}."
            )
        yield (
            f"New subscription discovered on topic '{name}', requesting incompatible QoS. No messages will be sent to"
            f" it. Last incompatible policy: {policy.name}: node '{{peer}}' requests {wish} and this publisher offers"
            f" {offer}. Have '{{peer}}' subscribe with {offer}, or publish with {wish}."
        )
