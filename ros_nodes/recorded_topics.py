"""Which topics a recording takes, its subscriptions to them, and what became of their messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.topic_or_service_is_hidden import topic_or_service_is_hidden

from robot_wm.data.bag_file import BagTopic
from ros_nodes.message_text import definition_text, message_class
from ros_nodes.qos import as_yaml, matching

DEPTH = 500
"""Messages of a topic that may wait for the disk: two seconds of joint states at 250 Hz."""

Write = Callable[[int, bytes, int, int], None]
"""What takes a message: the topic's number, its bytes, and the times at which it was received and published, in ns."""


@dataclass
class Tally:
    """Messages of one topic.

    Attributes:
        received: Those that arrived.
        dropped: Those that the transport says it lost.
        late: Those that arrived later after they were published than is allowed.
        longest_gap_s: Longest time between the publication of two messages in a row.
    """

    received: int = 0
    dropped: int = 0
    late: int = 0
    longest_gap_s: float = 0.0

    def __str__(self) -> str:
        return (
            f"received {self.received}, dropped {self.dropped}, late {self.late}, "
            f"longest gap {self.longest_gap_s:.3f} s"
        )


class RecordedTopics:
    """Subscribes, raw, to topics as they appear.

    Args:
        node: Whose subscriptions they are.
        wanted: Full names of the topics to take; empty for all that are not hidden.
        extra: Full names of topics that are taken too, without being missed.
        late_s: From when on a message is late, seconds after its publication.
    """

    def __init__(self, node: Node, wanted: set[str], extra: set[str], late_s: float) -> None:
        self._node, self._wanted, self._extra, self._late_ns = node, wanted, extra, round(late_s * 1e9)
        self._group = MutuallyExclusiveCallbackGroup()
        self._subscriptions: dict[str, Any] = {}
        self._last_ns: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        self.tallies: dict[str, Tally] = {}

    def look(self, add: Callable[[BagTopic], int], write: Write) -> list[str]:
        """Subscribes to what has appeared since; returns the wanted topics that are not there yet.

        Args:
            add: Called with each new topic, returns its number.
            write: Called with each of its messages.
        """
        present = {
            name: types
            for name, types in self._node.get_topic_names_and_types()
            if not topic_or_service_is_hidden(name)
        }
        taken = set(present) & (self._wanted | self._extra if self._wanted else set(present))
        for topic in sorted(taken - set(self._subscriptions) - set(self.refused)):
            self._take(topic, present[topic], add, write)
        return sorted(self._wanted - set(present) - set(self._subscriptions))

    def _take(self, topic: str, types: list[str], add: Callable[[BagTopic], int], write: Write) -> None:
        kind = message_class(types[0]) if len(types) == 1 else None
        if kind is None:
            why = "its package is not installed here" if len(types) == 1 else "a topic must have one type"
            self.refused[topic] = f"{topic} ({', '.join(types)}) is not recorded: {why}"
            self._node.get_logger().error(self.refused[topic])
            return
        qos = matching((info.qos_profile for info in self._node.get_publishers_info_by_topic(topic)), DEPTH)
        number = add(BagTopic(topic, types[0], definition_text(kind), as_yaml(qos)))
        tally = self.tallies.setdefault(topic, Tally())

        def receive(payload: bytes, info: Any) -> None:
            received_ns = info.get("received_timestamp") or time.time_ns()
            published_ns = info.get("source_timestamp") or received_ns
            self._count(topic, tally, received_ns, published_ns)
            write(number, bytes(payload), received_ns, published_ns)

        def lost(status: Any) -> None:
            tally.dropped += status.total_count_change

        events = SubscriptionEventCallbacks(message_lost=lost)
        self._subscriptions[topic] = self._node.create_subscription(
            kind, topic, receive, qos, callback_group=self._group, event_callbacks=events, raw=True
        )

    def _count(self, topic: str, tally: Tally, received_ns: int, published_ns: int) -> None:
        tally.received += 1
        tally.late += received_ns - published_ns > self._late_ns
        gap_s = (published_ns - self._last_ns.get(topic, published_ns)) * 1e-9
        tally.longest_gap_s = max(tally.longest_gap_s, gap_s)
        self._last_ns[topic] = published_ns

    def forget(self) -> None:
        """Ends all subscriptions; the tallies stay."""
        while self._subscriptions:
            _, subscription = self._subscriptions.popitem()
            self._node.destroy_subscription(subscription)
