"""What an agent remembers: its own steps go into the episodic memory of its encoder, and come back from there."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from robot_wm.deploy.bundle import Bundle
from robot_wm.memory.context import ContextWindow
from robot_wm.memory.episodic import EpisodicMemory, Way

LONGEST = 300
"""Steps of an episode that are kept, the last ones."""


class Diary:
    """An episodic memory with the episode that is going on; several threads may use it.

    Latents of different encoders cannot be compared, so that each encoder has a folder of its own under `root`.

    Args:
        root: Folder of the memories.
        bundle: Whose encoder gives the latents.
        max_bytes: Largest size of this encoder's experiences together.

    Attributes:
        problems: What was damaged when the memory was opened.

    Raises:
        EpisodicMemoryError: The folder is in use or cannot be written.
    """

    def __init__(self, root: Path, bundle: Bundle, *, max_bytes: int = 64_000_000) -> None:
        folder = root / bundle.files["encoder.onnx"].sha256[:16]
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._memory = EpisodicMemory(folder, (bundle.tokens, bundle.channels), max_bytes=max_bytes)
        self.problems: Sequence[str] = self._memory.problems
        self._unit = bundle.latent_std
        self._episode, self._lock = ContextWindow(LONGEST), threading.Lock()

    def __len__(self) -> int:
        """Experiences that are remembered."""
        return len(self._memory)

    def note(self, latent: np.ndarray, action: np.ndarray) -> None:
        """Adds a step to the episode: what was seen, (N, D), and what was done then, (7,)."""
        with self._lock:
            self._episode.push(latent, action)

    def discard(self) -> None:
        """Forgets the episode that is going on."""
        with self._lock:
            self._episode.clear()

    def finish(self, task: str, success: bool) -> None:
        """Remembers the episode, if it has any steps, and begins another.

        Raises:
            EpisodicMemoryError: The disk is full.
        """
        with self._lock:
            if len(self._episode):
                self._memory.add(self._episode.experience(task, success))
            self._episode.clear()

    def novelty(self, latent: np.ndarray) -> float:
        """How far a latent (N, D) is from all remembered ones, in its standard deviations; infinite without any."""
        with self._lock:
            return self._memory.novelty(latent) / self._unit

    def ways(self, latent: np.ndarray, goal: np.ndarray, count: int) -> list[Way]:
        """See `EpisodicMemory.ways`."""
        with self._lock:
            return self._memory.ways(latent, goal, count)

    def close(self) -> None:
        """Lets go of the folder."""
        with self._lock:
            self._memory.close()
