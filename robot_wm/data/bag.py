"""A recording as a whole: a rosbag2 directory of MCAP files, or one such file."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from robot_wm.data.bag_scan import Damage, ScannedMessage, scan
from robot_wm.data.confined import refuse_links
from robot_wm.data.marks import TOPIC, TYPE, Mark
from robot_wm.errors import DatasetError

_STAMP = struct.Struct("<iI")
_TEXT_BEGINS = 8
"""Bytes of a String message before its text: the header of its coding, and its length."""


@dataclass
class Bag:
    """The files of a recording, in order.

    Attributes:
        damages: What could not be read, filled while `messages` is iterated.
    """

    path: Path
    files: tuple[Path, ...]
    damages: list[Damage] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path) -> Bag:
        """Finds the files of a recording; nothing is read yet.

        Raises:
            DatasetError: There is no MCAP file, or the directory holds links.
        """
        if path.is_dir():
            refuse_links(path)
        files = (path,) if path.is_file() else tuple(sorted(path.glob("*.mcap"), key=_order))
        if not files:
            what = "holds no *.mcap file" if path.is_dir() else "does not exist"
            raise DatasetError(f"{path} {what}; give a directory that recorder_node made, or an MCAP file")
        return cls(path, files)

    @staticmethod
    def is_one(path: Path) -> bool:
        """Whether a path looks like a recording."""
        return path.suffix == ".mcap" or (path.is_dir() and any(path.glob("*.mcap")))

    def messages(self) -> Iterator[ScannedMessage]:
        """All messages that are whole, file by file, each in the order of its file; `damages` begins anew."""
        self.damages.clear()
        for path in self.files:
            yield from scan(path, self.damages)


def is_mark(message: ScannedMessage) -> bool:
    """Whether a message is an episode mark, whole enough to be read."""
    names_it = message.topic.type == TYPE and message.topic.name.endswith(f"/{TOPIC}")
    return names_it and len(message.payload) >= _TEXT_BEGINS


def read_mark(message: ScannedMessage) -> Mark:
    """The mark of a String message."""
    body = message.payload[4:]
    (length,) = struct.unpack_from("<I", body)
    return Mark.parse(message.received_ns, body[4 : 4 + length].rstrip(b"\0").decode(errors="replace"))


def header_stamp_ns(message: ScannedMessage) -> int | None:
    """The stamp of the header that a message begins with, ns; None where its type has no header."""
    if not message.topic.definition.lstrip().startswith("std_msgs/Header ") or len(message.payload) < 12:
        return None
    if message.payload[1] != 1:  # big-endian
        return None
    seconds, nanoseconds = _STAMP.unpack_from(message.payload, 4)
    return seconds * 10**9 + nanoseconds


def _order(path: Path) -> tuple[str, int]:
    match = re.fullmatch(r"(.*?)_?(\d+)", path.stem)
    return (match[1], int(match[2])) if match else (path.stem, -1)
