"""A rosbag2 directory of MCAP files and metadata.yaml, readable by `ros2 bag` and by rosbags."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from robot_wm.data.bag_file import BagFile, BagTopic, RecordingError

METADATA_VERSION = 5
"""The newest that ROS 2 Humble reads too."""


@dataclass(frozen=True)
class Split:
    """When the next file of a bag is begun: after so many bytes or seconds, whichever comes first; 0 for never."""

    bytes: int = 0
    seconds: float = 0.0


class BagWriter:
    """Writes serialized messages; not thread-safe.

    Messages reach the file when a chunk is full or `flush` is called. After a RecordingError of any method but
    `check_space` the file ends with its last whole chunk, and only `close` may still be called.

    Args:
        folder: The directory to make; it must not exist.
        min_free_bytes: Recording ends while so much is still free on the disk.
        split: When another file is begun.

    Raises:
        RecordingError: the directory cannot be made or the disk is nearly full.
    """

    def __init__(self, folder: Path, min_free_bytes: int, split: Split | None = None) -> None:
        self.folder = folder
        self._min_free_bytes, self._split = min_free_bytes, split or Split()
        self._topics: list[BagTopic] = []
        self._files: list[BagFile] = []
        try:
            folder.mkdir(parents=True)
            self.check_space()
        except OSError as error:
            raise RecordingError(f"{folder}: cannot record here ({error.strerror}); set 'folder' to another") from error
        self._begin_file()

    @property
    def messages(self) -> int:
        """Messages so far."""
        return sum(file.messages for file in self._files)

    @property
    def paths(self) -> list[Path]:
        """The files so far, the present one last."""
        return [file.path for file in self._files]

    def check_space(self) -> None:
        """Raises RecordingError while there is still room for the end of the recording."""
        free = shutil.disk_usage(self.folder).free
        if free < self._min_free_bytes:
            raise RecordingError(
                f"{self.folder}: only {free >> 20} MiB are free, recording needs {self._min_free_bytes >> 20} MiB "
                "left over; free some space or set 'folder' to another disk"
            )

    def add_topic(self, topic: BagTopic) -> int:
        """Makes room for a topic; returns its number for `write`; raises RecordingError as `write` does."""
        self._files[-1].add_topic(topic)
        self._topics.append(topic)
        return len(self._topics) - 1

    def write(self, topic: int, payload: bytes, received_ns: int, published_ns: int) -> None:
        """Adds one message; its times are in ns since 1970.

        Raises:
            RecordingError: the disk is full; what was written before is intact.
        """
        if self._is_full(received_ns):
            self._finish_file()
            self._begin_file()
        self._files[-1].write(topic, payload, received_ns, published_ns)

    def flush(self) -> None:
        """Ends the chunk, so that it outlives this process; raises RecordingError as `write` does."""
        self._files[-1].flush()

    def close(self, notes: Mapping[str, str] | None = None) -> None:
        """Writes the index and metadata.yaml, or nothing after a failure; raises RecordingError as `write` does.

        Args:
            notes: Texts that the last file keeps as MCAP metadata named `robot_wm`.
        """
        file = self._files[-1]
        if file.is_closed:
            return
        file.flush()  # whatever the index needs, the last chunk must not be lost with it
        if notes:
            file.add_metadata("robot_wm", dict(notes))
        self._finish_file()
        text = yaml.safe_dump({"rosbag2_bagfile_information": self._information()}, sort_keys=False)
        try:
            (self.folder / "metadata.yaml").write_text(text, encoding="utf-8")
        except OSError as error:
            raise RecordingError(
                f"{self.folder}: metadata.yaml could not be written ({error.strerror}); the messages are intact: free "
                f"some space, and run: robot-wm dataset repair {self.folder}"
            ) from error

    def _is_full(self, received_ns: int) -> bool:
        file, split = self._files[-1], self._split
        old = split.seconds and file.messages and received_ns - file.first_ns >= split.seconds * 1e9
        return bool(old or (split.bytes and file.size >= split.bytes))

    def _begin_file(self) -> None:
        self._files.append(BagFile(self.folder / f"{self.folder.name}_{len(self._files)}.mcap"))
        for topic in self._topics:
            self._files[-1].add_topic(topic)

    def _finish_file(self) -> None:
        text = yaml.safe_dump(self._information(), sort_keys=False)
        self._files[-1].add_metadata("rosbag2", {"serialized_metadata": text})
        self._files[-1].finish()

    def _information(self) -> dict[str, Any]:
        counts = [sum(file.counts[number] for file in self._files) for number in range(len(self._topics))]
        topics = [
            {"topic_metadata": topic.to_plain(), "message_count": count}
            for topic, count in zip(self._topics, counts, strict=True)
        ]
        return {
            "version": METADATA_VERSION,
            "storage_identifier": "mcap",
            "relative_file_paths": [file.path.name for file in self._files],
            **_span(self._files),
            "topics_with_message_count": topics,
            "compression_format": "",
            "compression_mode": "",
            "files": [{"path": file.path.name, **_span([file])} for file in self._files],
        }


def _span(files: list[BagFile]) -> dict[str, Any]:
    used = [file for file in files if file.messages]
    first = min((file.first_ns for file in used), default=0)
    return {
        "starting_time": {"nanoseconds_since_epoch": first},
        "duration": {"nanoseconds": max((file.last_ns for file in used), default=0) - first},
        "message_count": sum(file.messages for file in files),
    }
