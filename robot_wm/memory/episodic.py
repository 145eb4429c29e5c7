"""Long-term memory: episodes that are found again by what they looked like."""

from __future__ import annotations

import itertools
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robot_wm.errors import EpisodicMemoryError
from robot_wm.memory.experience import Experience
from robot_wm.memory.index import ExactIndex, Index
from robot_wm.memory.storage import Entry, Storage


@dataclass(frozen=True)
class Way:
    """A stretch of an experience that led from near one latent to near another.

    Attributes:
        latents: (T, N, D) from the one to the other.
        actions: (T - 1, 7) that led there.
        distance: Sum of the root mean square differences at both ends.
        success: Outcome of the episode.
    """

    latents: np.ndarray
    actions: np.ndarray
    distance: float
    success: bool


class EpisodicMemory:
    """Experiences of one latent space, kept in a folder of bounded size; the longest unused are given up first.

    Args:
        root: Folder; a damaged one is renamed to `NAME.damaged-1` and left as it is, and an empty memory begins.
        latent_shape: (N, D).
        max_bytes: Largest size of all experiences together.

    Attributes:
        problems: What was damaged or did not fit when it was opened; empty when all was well.

    Raises:
        EpisodicMemoryError: The folder is in use or cannot be written.
    """

    def __init__(self, root: Path, latent_shape: tuple[int, int], *, max_bytes: int = 64_000_000) -> None:
        self.problems: list[str] = []
        self._shape, self._max_bytes = latent_shape, max_bytes
        self._index: Index = ExactIndex(latent_shape[0] * latent_shape[1])
        self._experiences: dict[int, Experience] = {}
        self._entries: dict[int, Entry] = {}
        self._storage = self._open(root)
        for entry in self._storage.entries():
            self._recall(entry)
        self._clock = itertools.count(1 + max((entry.used for entry in self._entries.values()), default=0))
        self._uses = {number: entry.used for number, entry in self._entries.items()}

    def __len__(self) -> int:
        return len(self._experiences)

    @property
    def bytes(self) -> int:
        """Size of all experiences."""
        return sum(entry.bytes for entry in self._entries.values())

    def add(self, experience: Experience) -> None:
        """Remembers an experience and forgets the longest unused ones for it.

        Raises:
            EpisodicMemoryError: It is of another latent space, is larger than the whole memory, or the disk is full.
        """
        if experience.latents.shape[1:] != self._shape:
            raise EpisodicMemoryError(f"latents are {experience.latents.shape[1:]}; this memory holds {self._shape}")
        size = experience.latents.nbytes + experience.actions.nbytes
        if size > self._max_bytes:
            raise EpisodicMemoryError(f"an experience of {size} bytes; the memory holds {self._max_bytes} in all")
        entry = self._storage.add(experience, next(self._clock))
        self._uses[entry.id] = entry.used
        self._take(entry, experience)
        while self.bytes > self._max_bytes and len(self) > 1:
            self._forget(min(self._uses, key=self._uses.__getitem__))

    def novelty(self, latent: np.ndarray) -> float:
        """Root mean square difference of a latent (N, D) from the nearest remembered one; infinite when empty."""
        _, _, distances = self._index.distances(self._flat(latent))
        return float(distances.min(initial=np.inf))

    def ways(self, latent: np.ndarray, goal: np.ndarray, count: int = 1) -> list[Way]:
        """The stretches that led most nearly from a latent (N, D) to a goal (N, D), best first, one an experience.

        The latents between are proposals for sub-goals. Those that are returned count as used.
        """
        owners, places, from_here = self._index.distances(self._flat(latent))
        _, _, to_goal = self._index.distances(self._flat(goal))
        best = []
        for number in self._experiences:
            rows = np.flatnonzero(owners == number)
            starts, ends = from_here[rows], to_goal[rows]
            sums = starts[:, None] + ends[None]
            sums[np.tril_indices(len(rows))] = np.inf
            if len(rows) > 1:
                start, end = np.unravel_index(np.argmin(sums), sums.shape)
                best.append((float(sums[start, end]), number, int(places[rows[start]]), int(places[rows[end]])))
        return [self._way(*found) for found in sorted(best)[:count]]

    def close(self) -> None:
        """Lets go of the folder."""
        self._storage.close()

    def _way(self, distance: float, number: int, start: int, end: int) -> Way:
        self._uses[number] = next(self._clock)
        self._storage.touch(number, self._uses[number])
        experience = self._experiences[number]
        latents, actions = experience.latents[start : end + 1], experience.actions[start:end]
        return Way(latents, actions, distance, experience.success)

    def _flat(self, latent: np.ndarray) -> np.ndarray:
        if latent.shape != self._shape or not np.all(np.isfinite(latent)):
            raise EpisodicMemoryError(f"latent is {latent.shape}; this memory takes finite {self._shape}")
        return np.asarray(latent, dtype=np.float32).ravel()

    def _open(self, root: Path) -> Storage:
        try:
            return Storage(root)
        except sqlite3.DatabaseError as error:
            names = (root.with_name(f"{root.name}.damaged-{number}") for number in itertools.count(1))
            aside = next(path for path in names if not path.exists())
            root.rename(aside)
            self.problems.append(f"{root}: damaged ({error}); it is kept as {aside}, and an empty memory begins")
            return Storage(root)

    def _recall(self, entry: Entry) -> None:
        try:
            experience = self._storage.read(entry)
            self._flat(experience.latents[0])
        except EpisodicMemoryError as error:
            self.problems.append(str(error))
            return
        self._take(entry, experience)

    def _take(self, entry: Entry, experience: Experience) -> None:
        self._entries[entry.id], self._experiences[entry.id] = entry, experience
        self._index.add(entry.id, experience.latents.reshape(len(experience.latents), -1))

    def _forget(self, number: int) -> None:
        self._storage.remove(number)
        self._index.remove(number)
        del self._entries[number], self._experiences[number], self._uses[number]
