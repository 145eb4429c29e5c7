"""Records topics as they come, serialized, with the times of their arrival and of their publication."""

from __future__ import annotations

import sys
import threading
import time
from datetime import datetime
from functools import partial
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.serialization import serialize_message
from std_msgs.msg import String
from std_srvs.srv import Trigger

from robot_wm.data import marks
from robot_wm.data.bag_file import BagTopic, RecordingError
from robot_wm.data.bag_writer import BagWriter, Split
from robot_wm.data.ring import RingBuffer
from ros_nodes.control_source import PERSON_PLAN, SOURCE
from ros_nodes.managed_node import Change, ManagedNode
from ros_nodes.message_text import definition_text
from ros_nodes.node_process import run
from ros_nodes.qos import LATCHED, as_yaml
from ros_nodes.recorded_topics import RecordedTopics

FLUSH_S = 0.05
"""Age at which messages go to the file: a kill loses no more than 250 ms, with room for a busy computer."""
CLOCK_JUMP_S = 0.05
"""Change of the system's clock against the steady clock between two flushes that is marked."""


class RecorderNode(ManagedNode):
    """While active it writes one bag, or keeps the last seconds; each activation begins anew."""

    def __init__(self) -> None:
        super().__init__("recorder_node")
        once = Change.UNCONFIGURED
        self.parameter("folder", "recordings", "Where each recording gets a directory of its own.", change=once)
        self.parameter("topics", [""], "Topics to record; [''] for all that are not hidden.", change=once)
        self.parameter("min_free_mb", 256, "MiB of the disk that are left free.", 1, 2**31 - 1, change=once)
        self.parameter("split_mb", 1024, "MiB after which another file is begun; 0 for never.", 0, 2**20, change=once)
        self.parameter("split_s", 0.0, "Seconds after which another file is begun; 0 for never.", 0.0, 1e6, change=once)
        self.parameter("ring_s", 0.0, "Keep only the last seconds, until ~/save; 0 records all.", 0.0, 3600.0, once)
        self.parameter("ring_mb", 512, "MiB of memory that ring_s may take.", 1, 2**20, change=once)
        self.parameter("late_s", 0.1, "From when on a message counts as late, seconds.", 0.001, 60.0, change=once)
        self.parameter("task", "", "What is to be done, in words: part of the mark that begins an episode.")
        self._sink: BagWriter | RingBuffer | None = None
        self._writing = threading.RLock()

    def on_setup(self) -> None:
        self._folder = Path(self.get_parameter("folder").value)
        self._min_free_bytes = self.get_parameter("min_free_mb").value << 20
        wanted = {self.resolve_topic_name(topic) for topic in self.get_parameter("topics").value if topic}
        self._mark_topic = self.resolve_topic_name(marks.TOPIC)
        late_s = self.get_parameter("late_s").value
        extra = {self._mark_topic, *map(self.resolve_topic_name, (SOURCE, PERSON_PLAN))}
        self._topics = RecordedTopics(self, wanted, extra, late_s)
        self._recorded = self.meter("recorded")
        self.every(0.5, self._look_for_topics)
        self.every(FLUSH_S, self._flush)  # in a group of its own: it must not wait behind a flood of messages
        for verb in marks.VERBS:
            self.offer(Trigger, f"episode/{verb}", partial(self._on_mark, verb))
        self.offer(Trigger, "~/save", self._on_save)
        self._release.append(self._topics.forget)

    def on_start(self) -> None:
        ring_s = self.get_parameter("ring_s").value
        if ring_s:
            self._sink = RingBuffer(ring_s, self.get_parameter("ring_mb").value << 20)
            self.get_logger().info(f"keeping the last {ring_s:g} s; call ~/save to write them")
        else:
            split = Split(self.get_parameter("split_mb").value << 20, self.get_parameter("split_s").value)
            self._sink = BagWriter(self._new_folder(), self._min_free_bytes, split)
            self.get_logger().info(f"recording to {self._sink.folder}")
        text = definition_text(String)
        self._mark_number = self._sink.add_topic(BagTopic(self._mark_topic, marks.TYPE, text, as_yaml(LATCHED)))
        self._flushed_at = time.monotonic()
        self._clock_offset_ns = time.time_ns() - time.monotonic_ns()

    def on_stop(self) -> None:
        self._topics.forget()
        with self._writing:
            sink, self._sink = self._sink, None
            if isinstance(sink, BagWriter):
                sink.close(self._tallies())
                self.get_logger().info(f"{sink.folder}: {sink.messages} messages")
        for topic, tally in sorted(self._tallies().items()):
            self.get_logger().info(f"{topic}: {tally}")

    def details(self) -> dict[str, str]:
        sink = self._sink
        if sink is None:
            return {}
        where = {"bag": str(sink.folder)} if isinstance(sink, BagWriter) else {"held": str(sink.messages)}
        return where | {"topics": " ".join(sorted(self._topics.tallies))} | self._tallies()

    def _tallies(self) -> dict[str, str]:
        return {topic: str(tally) for topic, tally in list(self._topics.tallies.items())}

    def _new_folder(self) -> Path:
        return self._folder / f"robot_wm_{datetime.now():%Y_%m_%d-%H_%M_%S_%f}"

    def _look_for_topics(self) -> None:
        with self._writing:
            if self._sink is None:
                return
            try:
                silent = self._topics.look(self._add_topic, self._write)
            except RecordingError as error:
                return self._give_up(error)
        problems = [f"waiting for {', '.join(silent)}"] if silent else []
        problems += self._topics.refused.values()
        if problems:
            self.report(DiagnosticStatus.WARN, f"recording; {'; '.join(problems)}")
        else:
            self.report(DiagnosticStatus.OK, "recording")

    def _add_topic(self, topic: BagTopic) -> int:
        assert self._sink is not None
        return self._mark_number if topic.name == self._mark_topic else self._sink.add_topic(topic)

    def _write(self, number: int, payload: bytes, received_ns: int, published_ns: int) -> None:
        with self._writing:
            if self._sink is not None:
                try:
                    self._sink.write(number, payload, received_ns, published_ns)
                    self._flush_when_due()
                except RecordingError as error:
                    self._give_up(error)
        self._recorded.tick((received_ns - published_ns) * 1e-9)

    def _flush_when_due(self) -> None:
        """Beside the timer, whose thread a busy computer may keep waiting."""
        if isinstance(self._sink, BagWriter) and time.monotonic() - self._flushed_at >= FLUSH_S:
            self._sink.flush()
            self._flushed_at = time.monotonic()

    def _flush(self) -> None:
        with self._writing:
            if self._sink is None:
                return
            self._mark_clock_jump()
            if isinstance(self._sink, BagWriter):
                try:
                    self._sink.check_space()
                    self._sink.flush()
                    self._flushed_at = time.monotonic()
                except RecordingError as error:
                    self._give_up(error)

    def _mark_clock_jump(self) -> None:
        offset_ns = time.time_ns() - time.monotonic_ns()
        jump_s, self._clock_offset_ns = (offset_ns - self._clock_offset_ns) * 1e-9, offset_ns
        if abs(jump_s) > CLOCK_JUMP_S:
            self.get_logger().warning(f"the system's clock jumped by {jump_s:+.3f} s; the recording marks it")
            self._mark(f"{marks.CLOCK_JUMP} {jump_s:+.6f}")

    def _mark(self, text: str) -> None:
        now_ns = time.time_ns()
        self._write(self._mark_number, serialize_message(String(data=text)), now_ns, now_ns)

    def _on_mark(self, verb: str, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        task = self.get_parameter("task").value
        text = f"{verb} {task}".strip() if verb == marks.START else verb
        with self._writing:
            if self._sink is not None:
                self._mark(text)
                self._flush()
            response.success = self._sink is not None
        response.message = f"marked: {text}" if response.success else "recorder_node does not record; activate it first"
        return response

    def _on_save(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Writes without the lock, so that nothing is missed meanwhile."""
        with self._writing:
            held = self._sink.snapshot() if isinstance(self._sink, RingBuffer) else None
        if held is None:
            response.message = "nothing is held in memory; set 'ring_s' and activate recorder_node"
            return response
        folder = self._new_folder()
        try:
            held.save(folder, self._min_free_bytes)
        except RecordingError as error:
            response.message = str(error)
        else:
            response.success, response.message = True, f"{folder}: {len(held)} messages"
        return response

    def _give_up(self, error: RecordingError) -> None:
        """Ends the recording where the disk is full; the index still fits as long as some space was left."""
        sink, self._sink = self._sink, None
        self._topics.forget()
        self.report(DiagnosticStatus.ERROR, f"recording ended: {error}")
        if isinstance(sink, BagWriter):
            try:
                sink.close(self._tallies())
            except RecordingError as unclosed:
                self.get_logger().error(f"the recording has no index: {unclosed}")


def main(args: list[str] | None = None) -> int:
    return run(RecorderNode, args)


if __name__ == "__main__":
    sys.exit(main())
