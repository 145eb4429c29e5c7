"""Pairs of clips that a person compares; each judgement is a line of JSON for the preference cost."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from robot_wm.data.lerobot_reader import Dataset
from robot_wm.errors import DatasetError

FRAMES = 25
"""Length of a clip, where the episode is as long."""


@dataclass(frozen=True)
class ClipPlace:
    """Where a clip lies: frames `start` to `start + length` of an episode of a LeRobot dataset."""

    dataset: str
    episode: int
    start: int
    length: int


@dataclass(frozen=True)
class Pair:
    """Two clips and their pictures uint8 (T, H, W, 3)."""

    left: ClipPlace
    right: ClipPlace
    left_pictures: np.ndarray
    right_pictures: np.ndarray

    def frame(self, number: int) -> np.ndarray:
        """Both clips side by side, each repeated from its beginning."""
        left, right = (pictures[number % len(pictures)] for pictures in (self.left_pictures, self.right_pictures))
        return np.concatenate([left, np.full_like(left[:, :6], 30), right], axis=1)


class Judge:
    """Draws pairs from a dataset and writes judgements.

    Args:
        out: File of JSON lines that judgements are added to.
        rng: Which pairs are drawn.
    """

    def __init__(self, out: Path, rng: np.random.Generator) -> None:
        self._out, self._rng, self._lock = out, rng, threading.Lock()
        self.pair: Pair | None = None
        self.judged = 0

    def draw(self, root: Path) -> Pair:
        """Two clips of different episodes.

        Raises:
            DatasetError: There is no dataset, or it has fewer than two episodes.
        """
        with self._lock:
            dataset = Dataset.open(root)
            try:
                if len(dataset) < 2:
                    raise DatasetError(f"{root}: has {len(dataset)} episodes; two are needed to compare them")
                left, right = self._rng.choice(len(dataset), 2, replace=False)
                places = [self._place(dataset, root, int(number)) for number in (left, right)]
                clips = [dataset.read(place.episode).images[place.start :][: place.length] for place in places]
            finally:
                dataset.close()
            self.pair = Pair(places[0], places[1], clips[0], clips[1])
            return self.pair

    def _place(self, dataset: Dataset, root: Path, episode: int) -> ClipPlace:
        frames = dataset.episodes[episode].length
        length = min(FRAMES, frames)
        return ClipPlace(str(root.resolve()), episode, int(self._rng.integers(frames - length + 1)), length)

    def prefer(self, left: bool) -> str:
        """Writes that the left or the right clip of the pair is the better one; returns what to say of it.

        Raises:
            DatasetError: No pair is shown.
        """
        with self._lock:
            if self.pair is None:
                raise DatasetError("no pair is shown; choose a dataset and take the next pair first")
            better, worse = (self.pair.left, self.pair.right) if left else (self.pair.right, self.pair.left)
            self._out.parent.mkdir(parents=True, exist_ok=True)
            with self._out.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"better": asdict(better), "worse": asdict(worse)}) + "\n")
            self.pair, self.judged = None, self.judged + 1
            return f"{self.judged} judged, in {self._out}"
