"""Hashes of interface types."""

from __future__ import annotations

from dataclasses import dataclass

SIZE = 32


@dataclass
class TypeHash:
    """Version of the hashing rule and the hash; written as `RIHS01_…`, or INVALID where it is not known."""

    version: int = -1
    value: bytes = bytes(SIZE)

    def __str__(self) -> str:
        known = self.version > 0 and len(self.value) == SIZE
        return f"RIHS{self.version:02}_{self.value.hex()}" if known else "INVALID"


def parse_type_hash(text: str | None) -> TypeHash:
    """From `RIHS01_…` as endpoints announce it; the invalid hash from anything else."""
    name, _, digits = (text or "").partition("_")
    if not name.startswith("RIHS") or not name[4:].isdecimal():
        return TypeHash()
    try:
        return TypeHash(int(name[4:]), bytes.fromhex(digits))
    except ValueError:
        return TypeHash()
