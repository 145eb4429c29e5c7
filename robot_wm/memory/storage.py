"""Where experiences are kept: one safetensors file each, and an SQLite table that knows them."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load, save

from robot_wm.errors import EpisodicMemoryError
from robot_wm.memory.experience import Experience

TABLE = "memory.sqlite"
_COLUMNS = "id INTEGER PRIMARY KEY, sha256 TEXT, bytes INTEGER, task TEXT, success INTEGER, used INTEGER"


@dataclass(frozen=True)
class Entry:
    """A row of the table: an experience's number, its file's hash and size, its task and outcome, and its last use."""

    id: int
    sha256: str
    bytes: int
    task: str
    success: bool
    used: int


class Storage:
    """A folder of experiences; each is there whole or not at all, whenever the process is killed.

    Args:
        root: The folder; made when missing.

    Raises:
        EpisodicMemoryError: Another process has it open, or it cannot be written.
        sqlite3.DatabaseError: The table is damaged or is not ours.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._table = sqlite3.connect(root / TABLE, timeout=0.5, isolation_level=None, check_same_thread=False)
            self._table.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._table.execute(f"CREATE TABLE IF NOT EXISTS experiences ({_COLUMNS})")
            self._table.execute("UPDATE experiences SET used = used")
            if self._table.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("integrity_check failed")
        except (sqlite3.OperationalError, OSError) as error:
            if "no such column" in str(error):
                raise sqlite3.DatabaseError(str(error)) from error
            raise EpisodicMemoryError(f"{root}: cannot be opened ({error}); is another process using it?") from error

    def entries(self) -> Iterator[Entry]:
        """All rows, the longest unused first."""
        rows = self._table.execute(
            "SELECT id, sha256, bytes, task, success, used FROM experiences ORDER BY used, id"
        ).fetchall()
        for number, sha256, size, task, success, used in rows:
            yield Entry(number, sha256, size, task, bool(success), used)

    def read(self, entry: Entry) -> Experience:
        """An experience; EpisodicMemoryError when its file is missing or altered."""
        path = self._path(entry.id)
        try:
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != entry.sha256:
                raise EpisodicMemoryError(f"{path}: SHA-256 does not match the table; this experience is left out")
            tensors = load(content)
            return Experience(tensors["latents"], tensors["actions"], entry.task, entry.success)
        except (OSError, SafetensorError, KeyError) as error:
            raise EpisodicMemoryError(f"{path}: cannot be read ({error}); this experience is left out") from error

    def add(self, experience: Experience, used: int) -> Entry:
        """Writes an experience; the file is on disk before the table names it."""
        content = save({"latents": experience.latents, "actions": experience.actions})
        highest = self._table.execute("SELECT COALESCE(MAX(id), 0) FROM experiences").fetchone()[0]
        number = int(highest) + 1
        while self._path(number).exists():
            number += 1
        entry = Entry(
            number, hashlib.sha256(content).hexdigest(), len(content), experience.task, experience.success, used
        )
        partial = self._path(number).with_suffix(".partial")
        try:
            with open(partial, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self._path(number))
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise EpisodicMemoryError(f"{partial}: {len(content)} bytes cannot be written ({error})") from error
        self._table.execute(
            "INSERT INTO experiences VALUES (?, ?, ?, ?, ?, ?)",
            (entry.id, entry.sha256, entry.bytes, entry.task, entry.success, used),
        )
        return entry

    def remove(self, number: int) -> None:
        """Removes an experience; the table forgets it before its file goes."""
        self._table.execute("DELETE FROM experiences WHERE id = ?", (number,))
        self._path(number).unlink(missing_ok=True)

    def touch(self, number: int, used: int) -> None:
        """Notes that an experience was of use."""
        self._table.execute("UPDATE experiences SET used = ? WHERE id = ?", (used, number))

    def close(self) -> None:
        """Lets go of the folder; calling it again does nothing."""
        self._table.close()

    def _path(self, number: int) -> Path:
        return self.root / f"{number:08d}.safetensors"
