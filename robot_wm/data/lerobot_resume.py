"""Takes up an existing dataset where its last commit left it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from robot_wm.contract import Contract
from robot_wm.data import lerobot_layout as layout
from robot_wm.data.files import write_atomic
from robot_wm.data.lerobot_reader import Dataset, read_parquet
from robot_wm.data.stats import FeatureStats
from robot_wm.errors import DatasetError


@dataclass
class Resumed:
    """What a writer has to know of the episodes that are there already, or that a shard will stand behind.

    Attributes:
        first: Number of the dataset's first episode; other than 0 in a shard.
        episodes: Number that the next episode gets.
        frames: Number that the next frame gets.
        files: Number that the next file gets.
    """

    first: int = 0
    episodes: int = 0
    frames: int = 0
    files: int = 0
    tasks: dict[str, int] = field(default_factory=dict)
    stats: dict[str, FeatureStats] = field(default_factory=dict)
    features: dict[str, Any] | None = None


def resume(root: Path, contract: Contract, fps: Fraction, begin: Resumed | None = None) -> Resumed:
    """The state of the dataset at `root`, which may be empty; drops rows of an episode whose commit was cut short.

    Args:
        begin: The state of an empty one; by default that of a dataset of its own.

    Raises:
        DatasetError: The folder holds something else, or a dataset of another contract or rate.
    """
    if not (root / layout.INFO_PATH).is_file():
        _refuse_foreign(root)
        return begin or Resumed()
    dataset = Dataset.open(root)
    if dataset.contract != contract or dataset.fps != fps:
        raise DatasetError(f"{root}: the dataset there has another contract or rate; choose another folder")
    last = dataset.episodes[-1]
    _trim(root / last.data_path, last.stop - min(e.start for e in dataset.episodes if e.data_path == last.data_path))
    return Resumed(
        first=dataset.episodes[0].index,
        episodes=last.index + 1,
        frames=last.stop,
        files=len({episode.data_path for episode in dataset.episodes}),
        tasks=dataset.tasks,
        stats=episode_stats(root, dataset.features),
        features=dict(dataset.features),
    )


def _refuse_foreign(root: Path) -> None:
    """A commit that was cut short before the first `info.json` leaves known folders only; those are overwritten."""
    known = {"meta", "data", "videos", layout.SHARDS}
    found = sorted(path.name for path in root.iterdir() if path.name not in known) if root.is_dir() else []
    if found:
        raise DatasetError(f"{root}: it holds no dataset but {', '.join(found[:5])}; choose an empty folder")


def _trim(path: Path, rows: int) -> None:
    table = read_parquet(path)
    if table.num_rows > rows:
        buffer = io.BytesIO()
        pq.write_table(table.slice(0, rows), buffer, compression="snappy")
        write_atomic(path, buffer.getvalue())


def episode_stats(root: Path, features: Mapping[str, Any]) -> dict[str, FeatureStats]:
    """The statistics of all episodes of a dataset together, by feature."""
    merged: dict[str, FeatureStats] = {}
    for path in sorted((root / "meta/episodes").glob("*/*.parquet")):
        for row in read_parquet(path).to_pylist():
            for name in features:
                plain = {key: row[f"stats/{name}/{key}"] for key in ("min", "max", "mean", "std", "count")}
                part = FeatureStats.from_plain(plain)
                merged[name] = merged[name].merge(part) if name in merged else part
    return merged
