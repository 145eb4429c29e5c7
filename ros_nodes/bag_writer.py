"""A rosbag2 directory: one MCAP file and metadata.yaml, readable by `ros2 bag` and by rosbags."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from mcap.writer import CompressionType, Writer
from rclpy.qos import QoSProfile

from robot_wm.errors import RobotWmError
from ros_nodes.message_text import definition_text

METADATA_VERSION = 5
"""The newest that ROS 2 Humble reads too."""
CHUNK_BYTES = 2**16


class RecordingError(RobotWmError):
    """A recording cannot be begun or cannot go on."""


class BagWriter:
    """Writes serialized messages; not thread-safe.

    Messages reach the file when a chunk is full or `flush` is called. After a RecordingError of any method but
    `check_space` the file ends with its last whole chunk, and only `close` may still be called.

    Args:
        folder: The directory to make; it must not exist.
        min_free_bytes: Recording ends while so much is still free on the disk.

    Raises:
        RecordingError: the directory cannot be made or the disk is nearly full.
    """

    def __init__(self, folder: Path, min_free_bytes: int) -> None:
        self.folder = folder
        self._path = folder / f"{folder.name}.mcap"
        self._min_free_bytes = min_free_bytes
        self._topics: dict[int, dict[str, Any]] = {}
        self._counts: dict[int, int] = {}
        self._schemas: dict[str, int] = {}
        self._first_ns, self._last_ns, self._whole_bytes = 0, 0, 0
        try:
            folder.mkdir(parents=True)
            self.check_space()
            self._file = self._path.open("xb")
        except OSError as error:
            raise RecordingError(f"{folder}: cannot record here ({error.strerror}); set 'folder' to another") from error
        self._writer = Writer(self._file, CHUNK_BYTES, CompressionType.NONE)
        self._guarded(lambda: self._writer.start("ros2"))

    @property
    def messages(self) -> int:
        """Messages so far."""
        return sum(self._counts.values())

    def check_space(self) -> None:
        """Raises RecordingError while there is still room for the end of the recording."""
        free = shutil.disk_usage(self.folder).free
        if free < self._min_free_bytes:
            raise RecordingError(
                f"{self.folder}: only {free >> 20} MiB are free, recording needs {self._min_free_bytes >> 20} MiB "
                "left over; free some space or set 'folder' to another disk"
            )

    def add_topic(self, topic: str, type_name: str, message: Any, qos: QoSProfile) -> int:
        """Makes room for a topic; returns its number for `write`; raises RecordingError as `write` does."""
        if type_name not in self._schemas:
            text = definition_text(message).encode()
            self._schemas[type_name] = self._guarded(lambda: self._writer.register_schema(type_name, "ros2msg", text))
        schema, offered = self._schemas[type_name], yaml.safe_dump([_qos_numbers(qos)], sort_keys=False)
        metadata = {"offered_qos_profiles": offered}
        number = self._guarded(lambda: self._writer.register_channel(topic, "cdr", schema, metadata))
        self._topics[number] = {"name": topic, "type": type_name, "serialization_format": "cdr"} | metadata
        self._counts[number] = 0
        return number

    def write(self, topic: int, payload: bytes, received_ns: int, published_ns: int) -> None:
        """Adds one message; its times are in ns since 1970.

        Raises:
            RecordingError: the disk is full; what was written before is intact.
        """
        sequence = self._counts[topic]
        self._guarded(lambda: self._writer.add_message(topic, received_ns, payload, published_ns, sequence))
        self._first_ns = min(self._first_ns or received_ns, received_ns)
        self._last_ns = max(self._last_ns, received_ns)
        self._counts[topic] += 1

    def flush(self) -> None:
        """Ends the chunk, so that it outlives this process; raises RecordingError as `write` does."""
        self._guarded(self._writer.flush)

    def close(self) -> None:
        """Writes the index and metadata.yaml, or nothing after a failure; raises RecordingError as `write` does."""
        if self._file.closed:
            return
        self.flush()  # whatever the index needs, the last chunk must not be lost with it
        information = self._information()
        text = yaml.safe_dump(information, sort_keys=False)
        self._guarded(lambda: self._writer.add_metadata("rosbag2", {"serialized_metadata": text}))
        self._guarded(self._writer.finish)
        document = yaml.safe_dump({"rosbag2_bagfile_information": information}, sort_keys=False)
        self._guarded(lambda: (self.folder / "metadata.yaml").write_text(document, encoding="utf-8"))
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
            os.truncate(self._path, self._whole_bytes)
            raise RecordingError(
                f"{self._path}: writing failed ({error.strerror}); the chunks before are intact: free some space, "
                "and read them with: ros2 bag reindex"
            ) from error
        return result

    def _information(self) -> dict[str, Any]:
        path = self._path.name
        topics = [
            {"topic_metadata": fields, "message_count": self._counts[number]} for number, fields in self._topics.items()
        ]
        return {
            "version": METADATA_VERSION,
            "storage_identifier": "mcap",
            "relative_file_paths": [path],
            **self._span(),
            "topics_with_message_count": topics,
            "compression_format": "",
            "compression_mode": "",
            "files": [{"path": path, **self._span()}],
        }

    def _span(self) -> dict[str, Any]:
        return {
            "starting_time": {"nanoseconds_since_epoch": self._first_ns},
            "duration": {"nanoseconds": self._last_ns - self._first_ns},
            "message_count": self.messages,
        }


def _qos_numbers(qos: QoSProfile) -> dict[str, Any]:
    """A profile in rosbag2's form with numbers, so that a playback offers the same."""
    forever = {"sec": 9223372036, "nsec": 854775807}
    return {
        "history": int(qos.history),
        "depth": qos.depth,
        "reliability": int(qos.reliability),
        "durability": int(qos.durability),
        "deadline": dict(forever),
        "lifespan": dict(forever),
        "liveliness": 1,
        "liveliness_lease_duration": dict(forever),
        "avoid_ros_namespace_conventions": False,
    }
