"""A dataset of a few short episodes of noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from robot_wm.contract import TABLETOP
from robot_wm.data import DatasetWriter
from robot_wm.data.episode import Episode

FRAMES = 6


def make_dataset(root: Path, episodes: int) -> Path:
    """Writes `episodes` episodes of `FRAMES` frames, the arm at rest; returns `root`."""
    state = np.array([0.5, 0.0, 0.2, 1.0, 0.0, 0.0, 0.0, 1.0], np.float32)
    with DatasetWriter(root, TABLETOP) as writer:
        for number in range(episodes):
            rng = np.random.default_rng(number)
            writer.add(
                Episode(
                    rng.integers(0, 256, (FRAMES, 96, 96, 3), dtype=np.uint8),
                    np.tile(state, (FRAMES, 1)),
                    np.zeros((FRAMES, 7), np.float32),
                    0.2 * np.arange(FRAMES, dtype=np.float64),
                    "test",
                )
            )
    return root
