"""MCAP files, written: chunks that are complete on disk one by one, and an index at the end (https://mcap.dev/spec)."""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK = range(1, 7)
MESSAGE_INDEX, CHUNK_INDEX = 7, 8
STATISTICS, METADATA, METADATA_INDEX, SUMMARY_OFFSET, DATA_END = range(0x0B, 0x10)
CHUNK_BYTES, CHUNK_S = 2**20, 1.0
"""A chunk ends at this size or age; that much is lost when the process is killed."""


def _text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(data)) + data


def _map(pairs: dict[str, str]) -> bytes:
    return _text(b"".join(_text(key) + _text(value) for key, value in pairs.items()))


def _counts(pairs: dict[int, int]) -> bytes:
    return _text(b"".join(struct.pack("<HQ", key, value) for key, value in pairs.items()))


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<BQ", kind, len(content)) + content


class _Chunk:
    """Records that are still in memory, and where the messages of each channel are among them."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.began_s = time.monotonic()
        self.index: dict[int, list[tuple[int, int]]] = {}

    def add_message(self, channel: int, sequence: int, log_ns: int, publish_ns: int, payload: bytes) -> None:
        self.index.setdefault(channel, []).append((log_ns, len(self.data)))
        self.data += _record(MESSAGE, struct.pack("<HIQQ", channel, sequence, log_ns, publish_ns) + payload)

    def span(self) -> tuple[int, int]:
        """First and last log time, 0 and 0 without messages."""
        times = [stamp for entries in self.index.values() for stamp, _ in entries] or [0]
        return min(times), max(times)

    def is_due(self) -> bool:
        return len(self.data) > CHUNK_BYTES or time.monotonic() - self.began_s > CHUNK_S


class McapFile:
    """An MCAP file of profile "ros2" that grows chunk by chunk, uncompressed; not thread-safe.

    After an OSError in any method the file ends with its last complete chunk, and nothing more can be written.

    Args:
        path: The file to make; it must not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: dict[int, int] = {}
        self.first_ns, self.last_ns = 0, 0
        self._schemas: list[bytes] = []
        self._channels: list[bytes] = []
        self._chunk, self._chunk_indices = _Chunk(), list[bytes]()
        self._file = path.open("xb", buffering=0)
        self._write(MAGIC + _record(HEADER, _text("ros2") + _text("robot_wm")))

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._file.tell()

    def add_schema(self, name: str, encoding: str, text: str) -> int:
        """Describes a message type; returns its id."""
        number = len(self._schemas) + 1
        self._schemas.append(_record(SCHEMA, struct.pack("<H", number) + _text(name) + _text(encoding) + _text(text)))
        self._chunk.data += self._schemas[-1]
        return number

    def add_channel(self, schema: int, topic: str, metadata: dict[str, str]) -> int:
        """Describes a topic whose messages are CDR; returns its id."""
        number = len(self._channels) + 1
        content = struct.pack("<HH", number, schema) + _text(topic) + _text("cdr") + _map(metadata)
        self._channels.append(_record(CHANNEL, content))
        self._chunk.data += self._channels[-1]
        self.counts[number] = 0
        return number

    def write(self, channel: int, payload: bytes, log_ns: int, publish_ns: int) -> None:
        """Adds one message with the times of its arrival and of its publication, ns since 1970."""
        self.first_ns = min(self.first_ns or log_ns, log_ns)
        self.last_ns = max(self.last_ns, log_ns)
        self._chunk.add_message(channel, self.counts[channel], log_ns, publish_ns, payload)
        self.counts[channel] += 1
        if self._chunk.is_due():
            self.end_chunk()

    def end_chunk(self) -> None:
        """Writes what is in memory to disk."""
        chunk, self._chunk = self._chunk, _Chunk()
        if not chunk.data:
            return
        start, end = chunk.span()
        head = struct.pack("<QQQI", start, end, len(chunk.data), zlib.crc32(chunk.data)) + _text("")
        record = _record(CHUNK, head + struct.pack("<Q", len(chunk.data)) + bytes(chunk.data))
        offset = self.size
        indices, places = b"", dict[int, int]()
        for channel, entries in chunk.index.items():
            places[channel] = offset + len(record) + len(indices)
            stamps = b"".join(struct.pack("<QQ", *entry) for entry in entries)
            indices += _record(MESSAGE_INDEX, struct.pack("<H", channel) + _text(stamps))
        self._write(record + indices)
        index = struct.pack("<QQQQ", start, end, offset, len(record)) + _counts(places)
        index += struct.pack("<Q", len(indices)) + _text("") + struct.pack("<QQ", len(chunk.data), len(chunk.data))
        self._chunk_indices.append(_record(CHUNK_INDEX, index))

    def close(self, metadata: dict[str, str]) -> None:
        """Writes the last chunk, rosbag2's `metadata` and the index."""
        self.end_chunk()
        offset, record = self.size, _record(METADATA, _text("rosbag2") + _map(metadata))
        index = _record(METADATA_INDEX, struct.pack("<QQ", offset, len(record)) + _text("rosbag2"))
        self._write(record + _record(DATA_END, struct.pack("<I", 0)))
        groups = {
            SCHEMA: b"".join(self._schemas),
            CHANNEL: b"".join(self._channels),
            CHUNK_INDEX: b"".join(self._chunk_indices),
            METADATA_INDEX: index,
            STATISTICS: _record(STATISTICS, self._statistics()),
        }
        start = position = self.size
        offsets = b""
        for kind, group in groups.items():
            if group:
                offsets += _record(SUMMARY_OFFSET, struct.pack("<BQQ", kind, position, len(group)))
            position += len(group)
        footer = _record(FOOTER, struct.pack("<QQI", start, position, 0))
        self._write(b"".join(groups.values()) + offsets + footer + MAGIC)
        self._file.close()

    def _statistics(self) -> bytes:
        kinds = struct.pack("<HIIII", len(self._schemas), len(self._channels), 0, 1, len(self._chunk_indices))
        span = struct.pack("<QQ", self.first_ns, self.last_ns)
        return struct.pack("<Q", sum(self.counts.values())) + kinds + span + _counts(self.counts)

    def _write(self, data: bytes) -> None:
        """All or nothing: a reader must never find half a record."""
        start, view = self._file.tell(), memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError:
            self._file.truncate(start)
            self._file.close()
            raise
