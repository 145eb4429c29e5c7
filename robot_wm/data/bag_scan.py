"""Reads MCAP files record by record, so that everything whole in a damaged or cut file is found.

The record layout is that of the MCAP specification, version 0. Every chunk is checked against its CRC-32; after a
damaged place the search goes on at the next record that is a chunk with the right CRC.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from robot_wm.data.bag_file import BagTopic
from robot_wm.data.bag_records import BadRecord, channel, chunk_records, schema

MAGIC = b"\x89MCAP0\r\n"
_PIECE = 16 << 20
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _FOOTER = 3, 4, 5, 6, 2
_RECORD, _MESSAGE_HEADER = struct.Struct("<BQ"), struct.Struct("<HIQQ")
_MAYBE_CHUNK = re.compile(rb"\x06.{4}\x00{4}.{20}\x00{4}.{4}(?:\x00{4}|\x03\x00{3}lz4|\x04\x00{3}zstd)", re.DOTALL)


class ScannedMessage(NamedTuple):
    """One message: its topic, its receive and publish times (ns since 1970) and its serialized bytes."""

    topic: BagTopic
    received_ns: int
    published_ns: int
    payload: bytes


@dataclass(frozen=True)
class Damage:
    """A place of a file where something cannot be read."""

    path: Path
    offset: int
    what: str

    def __str__(self) -> str:
        return f"{self.path.name}: at byte {self.offset}: {self.what}"


def scan(path: Path, damages: list[Damage]) -> Iterator[ScannedMessage]:
    """All messages of whole chunks in the order of the file; what cannot be read is appended to `damages`."""
    try:
        size = path.stat().st_size
        if size == 0:
            damages.append(Damage(path, 0, "the file is empty; nothing can be saved"))
            return
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield from _Scanner(path, data, damages).messages()
    except OSError as error:
        damages.append(Damage(path, 0, f"the file cannot be read ({error.strerror})"))


class _Scanner:
    def __init__(self, path: Path, data: mmap.mmap, damages: list[Damage]) -> None:
        self._path, self._data, self._damages = path, data, damages
        self._schemas: dict[int, tuple[str, str, str]] = {}
        self._topics: dict[int, BagTopic] = {}
        self._let_go_to = 0

    def messages(self) -> Iterator[ScannedMessage]:
        data, size, at = self._data, len(self._data), len(MAGIC)
        if data[:at] != MAGIC:
            self._note(0, "this is not the beginning of an MCAP file")
            at = self._next_chunk(0)
        self._read_summary()
        while at < size:
            if data[at : at + len(MAGIC)] == MAGIC and at + len(MAGIC) == size:
                return
            try:
                kind, begin, end = self._bounds(at)
                yield from self._record(kind, begin, end)
            except (BadRecord, struct.error) as error:
                self._note(at, str(error) if isinstance(error, BadRecord) else f"a record is too short ({error})")
                end = self._next_chunk(at + 1)
            at = end
            self._let_go(at)
        if at == size:
            self._note(size, "the file has no end: recording was cut off here")

    def _let_go(self, at: int) -> None:
        """Gives back the memory of what was read, so that it does not grow with the file."""
        done = min(at, len(self._data)) // _PIECE * _PIECE
        if done > self._let_go_to:
            self._data.madvise(mmap.MADV_DONTNEED, self._let_go_to, done - self._let_go_to)
            self._let_go_to = done

    def _bounds(self, at: int) -> tuple[int, int, int]:
        if at + _RECORD.size > len(self._data):
            raise BadRecord("a record is cut off")
        kind, length = _RECORD.unpack_from(self._data, at)
        if not 0 < kind <= 15 or at + _RECORD.size + length > len(self._data):
            raise BadRecord("a record is cut off or damaged")
        return kind, at + _RECORD.size, at + _RECORD.size + length

    def _record(self, kind: int, begin: int, end: int) -> Iterator[ScannedMessage]:
        if kind == _CHUNK:
            yield from self._chunk(begin, end)
        elif kind in (_SCHEMA, _CHANNEL):
            self._define(kind, self._data[begin:end])
        elif kind == _MESSAGE:
            yield self._message(self._data[begin:end])

    def _chunk(self, begin: int, end: int) -> Iterator[ScannedMessage]:
        records = chunk_records(self._data, begin, end)
        at, size = 0, len(records)
        while at < size:
            kind, length = _RECORD.unpack_from(records, at)
            at += _RECORD.size
            record = records[at : at + length]
            if kind == _MESSAGE:
                yield self._message(record)
            elif kind in (_SCHEMA, _CHANNEL):
                self._define(kind, record)
            at += length

    def _message(self, record: bytes) -> ScannedMessage:
        number, _, received_ns, published_ns = _MESSAGE_HEADER.unpack_from(record)
        if number not in self._topics:
            raise BadRecord(f"messages of channel {number}, which only a lost part of the file described, are lost")
        return ScannedMessage(self._topics[number], received_ns, published_ns, record[_MESSAGE_HEADER.size :])

    def _define(self, kind: int, record: bytes) -> None:
        try:
            if kind == _SCHEMA:
                number, fields = schema(record)
                self._schemas[number] = fields
            else:
                number, of, topic, encoding, metadata = channel(record)
                name, schema_encoding, text = self._schemas.get(of, ("", "", ""))
                qos = metadata.get("offered_qos_profiles", "")
                self._topics[number] = BagTopic(topic, name, text, qos, schema_encoding, encoding)
        except (struct.error, UnicodeDecodeError, IndexError) as error:
            raise BadRecord(f"a description of a topic is damaged ({error})") from error

    def _read_summary(self) -> None:
        """Takes schemas and channels from the end of the file too: the first chunk may be lost."""
        footer = len(self._data) - len(MAGIC) - 20 - _RECORD.size
        if footer < 0 or self._data[-len(MAGIC) :] != MAGIC or self._data[footer] != _FOOTER:
            return
        (at,) = struct.unpack_from("<Q", self._data, footer + _RECORD.size)
        while 0 < at < footer:
            try:
                kind, begin, at = self._bounds(at)
                if kind in (_SCHEMA, _CHANNEL):
                    self._define(kind, self._data[begin:at])
            except BadRecord as error:
                return self._note(at, f"the summary: {error}")

    def _next_chunk(self, at: int) -> int:
        """Where the next whole chunk begins at or after `at`; the size of the file and a bit where there is none."""
        for match in _MAYBE_CHUNK.finditer(self._data, at):
            try:
                _, begin, end = self._bounds(match.start())
                chunk_records(self._data, begin, end)
            except BadRecord:
                continue
            return match.start()
        return len(self._data) + 1

    def _note(self, offset: int, what: str) -> None:
        self._damages.append(Damage(self._path, offset, what))
