"""Divides a dataset by whole episodes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from robot_wm.data.lerobot_reader import Dataset
from robot_wm.data.lerobot_writer import DatasetWriter
from robot_wm.errors import DatasetError


def split(root: Path, out: Path, share: float, seed: int) -> dict[str, int]:
    """Writes `out/train` and `out/val`; no episode is in both.

    Args:
        share: Of the episodes that go to `val`; each part gets one at least.

    Returns:
        Number of episodes of each.

    Raises:
        DatasetError: There are fewer than two episodes, or a part exists already.
    """
    dataset = Dataset.open(root)
    if not 0.0 < share < 1.0 or len(dataset) < 2:
        raise DatasetError(
            f"{root}: {len(dataset)} episodes cannot be split with val {share}; two and a share are needed"
        )
    for name in ("train", "val"):
        if (out / name).exists():
            raise DatasetError(f"{out / name} exists; choose another --out")
    count = min(max(1, round(share * len(dataset))), len(dataset) - 1)
    chosen = set(np.random.default_rng(seed).permutation(len(dataset))[:count].tolist())
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(DatasetWriter(out / name, dataset.contract, fps=float(dataset.fps)))
            for name in ("train", "val")
        }
        for number, episode in enumerate(dataset):
            writers["val" if number in chosen else "train"].add(episode)
    dataset.close()
    return {name: writer.episodes for name, writer in writers.items()}
