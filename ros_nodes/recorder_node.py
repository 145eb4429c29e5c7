"""Records topics as they come, serialized, with the times of their arrival and of their publication."""

from __future__ import annotations

import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.topic_or_service_is_hidden import topic_or_service_is_hidden

from ros_nodes.bag_writer import BagWriter, RecordingError
from ros_nodes.managed_node import Change, ManagedNode
from ros_nodes.message_text import message_class
from ros_nodes.node_process import run
from ros_nodes.qos import matching

DEPTH = 100
"""Messages of a topic that may wait for the disk."""
FLUSH_S = 0.1
"""Age at which messages go to the file: a kill loses no more than 250 ms, with room for a busy computer."""


class RecorderNode(ManagedNode):
    """While active it writes one bag; each activation begins a new one."""

    def __init__(self) -> None:
        super().__init__("recorder_node")
        once = Change.UNCONFIGURED
        self.parameter("folder", "recordings", "Where each recording gets a directory of its own.", change=once)
        self.parameter("topics", [""], "Topics to record; [''] for all that are not hidden.", change=once)
        self.parameter("min_free_mb", 256, "MiB of the disk that are left free.", 1, 2**31 - 1, change=once)
        self._bag: BagWriter | None = None
        self._writing = threading.RLock()

    def on_setup(self) -> None:
        self._folder = Path(self.get_parameter("folder").value)
        self._min_free_bytes = self.get_parameter("min_free_mb").value << 20
        self._wanted = {self.resolve_topic_name(topic) for topic in self.get_parameter("topics").value if topic}
        self._group = MutuallyExclusiveCallbackGroup()
        self._recorded, self._refused = self.meter("recorded"), dict[str, str]()
        self._subscriptions_by_topic: dict[str, Any] = {}
        self.every(0.5, self._look_for_topics, self._group)
        self.every(FLUSH_S, self._flush)  # in a group of its own: it must not wait behind a flood of messages
        self._release.append(self._forget_topics)

    def on_start(self) -> None:
        name = f"robot_wm_{datetime.now():%Y_%m_%d-%H_%M_%S_%f}"
        self._bag = BagWriter(self._folder / name, self._min_free_bytes)
        self.get_logger().info(f"recording to {self._bag.folder}")

    def on_stop(self) -> None:
        self._forget_topics()
        with self._writing:
            bag, self._bag = self._bag, None
            if bag is not None:
                bag.close()
        if bag is not None:
            self.get_logger().info(f"{bag.folder}: {bag.messages} messages")

    def details(self) -> dict[str, str]:
        bag = self._bag
        return {} if bag is None else {"bag": str(bag.folder), "topics": " ".join(sorted(self._subscriptions_by_topic))}

    def _look_for_topics(self) -> None:
        present = {
            name: types for name, types in self.get_topic_names_and_types() if not topic_or_service_is_hidden(name)
        }
        with self._writing:
            if self._bag is None:
                return
            known = set(self._subscriptions_by_topic) | set(self._refused)
            for topic in sorted(set(present) & (self._wanted or set(present)) - known):
                try:
                    self._record(topic, present[topic], self._bag)
                except RecordingError as error:
                    return self._give_up(error)
            silent = sorted(self._wanted - set(present) - set(self._subscriptions_by_topic))
        if silent:
            self.report(DiagnosticStatus.WARN, f"recording; waiting for {', '.join(silent)}")
        else:
            self.report(DiagnosticStatus.OK, "recording")

    def _record(self, topic: str, types: list[str], bag: BagWriter) -> None:
        kind = message_class(types[0]) if len(types) == 1 else None
        if kind is None:
            why = "its package is not installed here" if len(types) == 1 else "a topic must have one type"
            self._refused[topic] = f"{topic} ({', '.join(types)}) is not recorded: {why}"
            self.get_logger().error(self._refused[topic])
            return
        qos = matching((info.qos_profile for info in self.get_publishers_info_by_topic(topic)), DEPTH)
        number = bag.add_topic(topic, types[0], kind, qos)

        def write(payload: bytes, info: Any) -> None:
            received_ns = info.get("received_timestamp") or time.time_ns()
            self._write(number, bytes(payload), received_ns, info.get("source_timestamp") or received_ns)

        self._subscriptions_by_topic[topic] = self.create_subscription(
            kind, topic, write, qos, callback_group=self._group, raw=True
        )

    def _write(self, number: int, payload: bytes, received_ns: int, published_ns: int) -> None:
        with self._writing:
            if self._bag is not None:
                try:
                    self._bag.write(number, payload, received_ns, published_ns)
                except RecordingError as error:
                    self._give_up(error)
        self._recorded.tick((received_ns - published_ns) * 1e-9)

    def _flush(self) -> None:
        with self._writing:
            if self._bag is not None:
                try:
                    self._bag.check_space()
                    self._bag.flush()
                except RecordingError as error:
                    self._give_up(error)

    def _give_up(self, error: RecordingError) -> None:
        """Ends the recording where the disk is full; the index still fits as long as some space was left."""
        bag, self._bag = self._bag, None
        self._forget_topics()
        self.report(DiagnosticStatus.ERROR, f"recording ended: {error}")
        if bag is not None:
            try:
                bag.close()
            except RecordingError as unclosed:
                self.get_logger().error(f"the recording has no index: {unclosed}")

    def _forget_topics(self) -> None:
        while self._subscriptions_by_topic:
            _, subscription = self._subscriptions_by_topic.popitem()
            self.destroy_subscription(subscription)


def main(args: list[str] | None = None) -> int:
    return run(RecorderNode, args)


if __name__ == "__main__":
    sys.exit(main())
