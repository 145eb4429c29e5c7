"""The records of MCAP files: chunks, schemas and channels, each checked as it is read."""

from __future__ import annotations

import struct
import zlib
from typing import Any

_CHUNK_HEADER = struct.Struct("<QQQI")
MOST_BYTES = 1 << 30
"""Records of one chunk, decompressed; a few bytes can claim to be far more."""


class BadRecord(Exception):
    """A record does not hold what its kind must hold."""


def chunk_records(data: Any, begin: int, end: int) -> bytes:
    """The records of a chunk between two offsets, decompressed and checked; BadRecord if they are damaged."""
    try:
        _, _, size, crc = _CHUNK_HEADER.unpack_from(data, begin)
        compression, at = _text(data, begin + _CHUNK_HEADER.size)
        (length,) = struct.unpack_from("<Q", data, at)
    except (struct.error, UnicodeDecodeError, IndexError) as error:
        raise BadRecord(f"the head of a chunk is damaged ({error})") from error
    if at + 8 + length != end:
        raise BadRecord("the length of a chunk is damaged")
    if size > MOST_BYTES:
        raise BadRecord(f"a chunk claims to hold {size} bytes; at most {MOST_BYTES} are read")
    records = _decompressed(data[at + 8 : end], compression, size + 1)
    if len(records) != size or (crc and zlib.crc32(records) != crc):
        raise BadRecord("a chunk is damaged: its checksum does not match")
    return records


def _decompressed(data: bytes, compression: str, most: int) -> bytes:
    """The first `most` bytes of what was compressed."""
    if compression not in ("", "lz4", "zstd"):
        raise BadRecord(f"the compression '{compression}' of a chunk is not known")
    try:
        if compression == "lz4":
            import lz4.frame

            return lz4.frame.LZ4FrameDecompressor().decompress(data, max_length=most)
        if compression == "zstd":
            import zstandard

            return zstandard.ZstdDecompressor().stream_reader(data).read(most)
    except ImportError as error:
        raise BadRecord(f"a chunk is compressed; to read it: pip install {error.name}") from error
    except Exception as error:  # whatever the library raises for damaged data
        raise BadRecord(f"a chunk cannot be decompressed ({error})") from error
    return data


def schema(record: bytes) -> tuple[int, tuple[str, str, str]]:
    """Number of a schema; its name, encoding and text."""
    (number,) = struct.unpack_from("<H", record)
    name, at = _text(record, 2)
    encoding, at = _text(record, at)
    text, _ = _text(record, at)
    return number, (name, encoding, text)


def channel(record: bytes) -> tuple[int, int, str, str, dict[str, str]]:
    """Number of a channel, that of its schema, its topic, message encoding and metadata."""
    number, schema_number = struct.unpack_from("<HH", record)
    topic, at = _text(record, 4)
    encoding, at = _text(record, at)
    end = at + 4 + struct.unpack_from("<I", record, at)[0]
    at, metadata = at + 4, {}
    while at < end:
        key, at = _text(record, at)
        metadata[key], at = _text(record, at)
    return number, schema_number, topic, encoding, metadata


def _text(data: Any, at: int) -> tuple[str, int]:
    """A string with its length before it, and where it ends."""
    (length,) = struct.unpack_from("<I", data, at)
    end = at + 4 + length
    if end > len(data):
        raise IndexError("a text is cut off")
    return data[at + 4 : end].decode(), end
