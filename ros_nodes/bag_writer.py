"""A rosbag2 directory: one MCAP file and metadata.yaml, readable by `ros2 bag` and by rosbags."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml
from rclpy.qos import QoSProfile

from robot_wm.errors import RobotWmError
from ros_nodes.mcap_file import McapFile
from ros_nodes.message_text import definition_text

METADATA_VERSION = 5
"""The newest that ROS 2 Humble reads too."""


class RecordingError(RobotWmError):
    """A recording cannot be begun or cannot go on."""


class BagWriter:
    """Writes serialized messages; not thread-safe.

    Args:
        folder: The directory to make; it must not exist.
        min_free_bytes: Recording ends while so much is still free on the disk.

    Raises:
        RecordingError: the directory cannot be made or the disk is nearly full.
    """

    def __init__(self, folder: Path, min_free_bytes: int) -> None:
        self.folder = folder
        self._min_free_bytes = min_free_bytes
        self._topics: dict[int, dict[str, Any]] = {}
        self._schemas: dict[str, int] = {}
        try:
            folder.mkdir(parents=True)
            self.check_space()
            self._file = McapFile(folder / f"{folder.name}.mcap")
        except OSError as error:
            raise RecordingError(f"{folder}: cannot record here ({error.strerror}); set 'folder' to another") from error

    @property
    def messages(self) -> int:
        """Messages so far."""
        return sum(self._file.counts.values())

    def check_space(self) -> None:
        """Raises RecordingError while there is still room for the end of the recording."""
        free = shutil.disk_usage(self.folder).free
        if free < self._min_free_bytes:
            raise RecordingError(
                f"{self.folder}: only {free >> 20} MiB are free, recording needs {self._min_free_bytes >> 20} MiB "
                "left over; free some space or set 'folder' to another disk"
            )

    def add_topic(self, topic: str, type_name: str, message: Any, qos: QoSProfile) -> int:
        """Makes room for a topic; returns the number by which `write` knows it."""
        if type_name not in self._schemas:
            text = definition_text(message)
            self._schemas[type_name] = self._file.add_schema(type_name, "ros2msg", text)
        offered = yaml.safe_dump([_qos_numbers(qos)], sort_keys=False)
        number = self._file.add_channel(self._schemas[type_name], topic, {"offered_qos_profiles": offered})
        fields = {"name": topic, "type": type_name, "serialization_format": "cdr", "offered_qos_profiles": offered}
        self._topics[number] = fields
        return number

    def write(self, topic: int, payload: bytes, received_ns: int, published_ns: int) -> None:
        """Adds one message.

        Raises:
            RecordingError: the disk is full; what was written before is intact.
        """
        self._guarded(lambda: self._file.write(topic, payload, received_ns, published_ns))

    def flush(self) -> None:
        """Puts what is in memory on disk; raises RecordingError as `write` does."""
        self._guarded(self._file.end_chunk)

    def close(self) -> None:
        """Writes the index and metadata.yaml; raises RecordingError as `write` does."""
        information = self._information()
        text = yaml.safe_dump(information, sort_keys=False)
        self._guarded(lambda: self._file.close({"serialized_metadata": text}))
        document = yaml.safe_dump({"rosbag2_bagfile_information": information}, sort_keys=False)
        self._guarded(lambda: (self.folder / "metadata.yaml").write_text(document, encoding="utf-8"))

    def _guarded(self, write: Any) -> None:
        try:
            write()
        except OSError as error:
            raise RecordingError(
                f"{self._file.path}: writing failed ({error.strerror}); the chunks before are intact: free some space, "
                "and read them with: ros2 bag reindex"
            ) from error

    def _information(self) -> dict[str, Any]:
        path = self._file.path.name
        topics = [
            {"topic_metadata": fields, "message_count": self._file.counts[number]}
            for number, fields in self._topics.items()
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
            "starting_time": {"nanoseconds_since_epoch": self._file.first_ns},
            "duration": {"nanoseconds": self._file.last_ns - self._file.first_ns},
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
