"""What is in a dataset, its statistics, and what is damaged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import numpy as np

from robot_wm.data import lerobot_layout as layout
from robot_wm.data.lerobot_reader import Dataset, read_parquet
from robot_wm.data.stats import FeatureStats, describe
from robot_wm.errors import DatasetError


def summary(dataset: Dataset) -> dict[str, str]:
    """Its size, rate, cameras and tasks in words."""
    lengths = [episode.length for episode in dataset.episodes]
    tasks = Counter(episode.task for episode in dataset.episodes)
    cameras = [f"{camera.name} {camera.width}x{camera.height}" for camera in dataset.contract.cameras]
    return {
        "episodes": f"{len(lengths)} of {min(lengths)} to {max(lengths)} frames",
        "frames": f"{dataset.frames}, {dataset.frames / float(dataset.fps) / 60:.1f} minutes",
        "fps": f"{float(dataset.fps):g}",
        "contract": dataset.contract.name,
        "cameras": ", ".join(cameras),
        "features": ", ".join(dataset.features),
        "tasks": ", ".join(f"{task} ({count})" for task, count in tasks.most_common()),
    }


def faults(dataset: Dataset) -> Iterator[str]:
    """Reads every episode, one at a time, and says which cannot be read."""
    for episode in dataset.episodes:
        try:
            steps = np.diff(dataset.read(episode.index).stamps)
        except DatasetError as error:
            yield str(error)
            continue
        if len(steps) and np.max(steps) > 1.5 / dataset.fps:
            at = int(np.argmax(steps))
            yield f"episode {episode.index}: {steps[at]:.3f} s pass between the frames {at} and {at + 1}"
    dataset.close()
    yield from _wrong_statistics(dataset)


def statistics(dataset: Dataset) -> dict[str, FeatureStats]:
    """Statistics of every column but the images, file by file."""
    names = [name for name, feature in dataset.features.items() if feature["dtype"] != "video"]
    merged: dict[str, FeatureStats] = {}
    for path in dict.fromkeys(episode.data_path for episode in dataset.episodes):
        table = read_parquet(dataset.root / path, names)
        for name in names:
            part = describe(layout.to_numpy(table, name))
            merged[name] = merged[name].merge(part) if name in merged else part
    return merged


def _wrong_statistics(dataset: Dataset) -> Iterator[str]:
    path = dataset.root / layout.STATS_PATH
    try:
        stored = {name: FeatureStats.from_plain(plain) for name, plain in json.loads(path.read_text("utf-8")).items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"{path}: cannot be read ({error!r})"
        return
    try:
        found = statistics(dataset)
    except DatasetError:
        return  # the episodes said so already
    for name, stats in found.items():
        mean = stored[name].mean.ravel() if name in stored else np.empty(0)
        if mean.shape != stats.mean.shape or not np.allclose(mean, stats.mean, rtol=1e-4, atol=1e-6):
            yield f"{path}: the mean of '{name}' is not that of the data"
