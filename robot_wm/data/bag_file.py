"""One MCAP file that is written so that a kill or a full disk leaves whole chunks and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcap.writer import CompressionType, Writer

from robot_wm.errors import RobotWmError

CHUNK_BYTES = 2**16


class RecordingError(RobotWmError):
    """A recording cannot be begun or cannot go on."""


@dataclass(frozen=True)
class BagTopic:
    """A topic of a bag.

    Attributes:
        name: Full name, such as `/joint_states`.
        type: `package/msg/Name`.
        definition: Its `.msg` text with everything inside.
        qos: YAML of the offered QoS profiles in rosbag2's form, empty where unknown.
        schema_encoding: How `definition` is written.
        message_encoding: How the messages are serialized.
    """

    name: str
    type: str
    definition: str
    qos: str = ""
    schema_encoding: str = "ros2msg"
    message_encoding: str = "cdr"

    def to_plain(self) -> dict[str, str]:
        """What metadata.yaml says of it."""
        return {
            "name": self.name,
            "type": self.type,
            "serialization_format": self.message_encoding,
            "offered_qos_profiles": self.qos,
        }


class BagFile:
    """One MCAP file, made anew; not thread-safe. Raises RecordingError wherever writing fails.

    Attributes:
        path: The file.
        counts: Messages of each topic, in the order in which topics were added.
        first_ns: Earliest receive time, ns since 1970; 0 before the first message.
        last_ns: Latest receive time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: list[int] = []
        self.first_ns = self.last_ns = self._whole_bytes = 0
        self._channels: list[int] = []
        self._schemas: dict[str, int] = {}
        try:
            self._file = path.open("xb")
        except OSError as error:
            raise RecordingError(f"{path}: cannot be made ({error.strerror}); set 'folder' to another") from error
        self._writer = Writer(self._file, CHUNK_BYTES, CompressionType.NONE)
        self._guarded(lambda: self._writer.start("ros2"))

    @property
    def messages(self) -> int:
        """Messages so far."""
        return sum(self.counts)

    @property
    def size(self) -> int:
        """Bytes that have reached the file."""
        return self._whole_bytes

    @property
    def is_closed(self) -> bool:
        """Whether the file has its end, or was given up."""
        return self._file.closed

    def add_topic(self, topic: BagTopic) -> None:
        """Makes room for a topic; its number is the count of topics before it."""
        if topic.type not in self._schemas:
            text = topic.definition.encode()
            self._schemas[topic.type] = self._guarded(
                lambda: self._writer.register_schema(topic.type, topic.schema_encoding, text)
            )
        schema, metadata = self._schemas[topic.type], {"offered_qos_profiles": topic.qos}
        self._channels.append(
            self._guarded(lambda: self._writer.register_channel(topic.name, topic.message_encoding, schema, metadata))
        )
        self.counts.append(0)

    def write(self, topic: int, payload: bytes, received_ns: int, published_ns: int) -> None:
        """Adds one message; its times are in ns since 1970."""
        channel, sequence = self._channels[topic], self.counts[topic]
        self._guarded(lambda: self._writer.add_message(channel, received_ns, payload, published_ns, sequence))
        self.first_ns = min(self.first_ns or received_ns, received_ns)
        self.last_ns = max(self.last_ns, received_ns)
        self.counts[topic] += 1

    def flush(self) -> None:
        """Ends the chunk, so that it outlives this process."""
        self._guarded(self._writer.flush)

    def add_metadata(self, name: str, content: dict[str, str]) -> None:
        """Adds an MCAP metadata record."""
        self._guarded(lambda: self._writer.add_metadata(name, content))

    def finish(self) -> None:
        """Writes the index and closes the file."""
        self._guarded(self._writer.finish)
        self._file.close()

    def _guarded(self, write: Callable[[], Any]) -> Any:
        """Writes whole records or nothing; returns what `write` returns."""
        try:
            result = write()
            if self._file.tell() > self._whole_bytes:
                self._file.flush()
                self._whole_bytes = self._file.tell()
        except OSError as error:
            self._file.raw.close()  # beneath its buffer, so that what is in there does not follow the cut
            os.truncate(self.path, self._whole_bytes)
            raise RecordingError(
                f"{self.path}: writing failed ({error.strerror}); the chunks before are intact: free some space, "
                f"and read them with: robot-wm dataset repair {self.path.parent} (or ros2 bag reindex)"
            ) from error
        return result
