"""Decodes a dataset once into memory-mapped arrays, so that training never decodes a video twice."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from robot_wm.contract import Contract
from robot_wm.data.files import check_space
from robot_wm.data.lerobot_reader import Dataset
from robot_wm.errors import DatasetError

_FORMAT = 1
_FOLDER = ".cache"
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class CachedDataset:
    """All frames of a dataset one after the other, read from disk as they are touched.

    Attributes:
        images: (total, H, W, 3) uint8, memory-mapped.
        states: (total, 8) float32.
        actions: (total, 7) float32; the action after the frame of the same row.
        stamps: (total,) float64, seconds.
        episode: (total,) int64, the episode of each frame.
        starts: (E,) int64, first row of each episode.
        lengths: (E,) int64, frames of each episode.
        tasks: Task of each episode.
        monitor: Columns for monitoring only, (total,) or (total, n).
    """

    contract: Contract
    images: np.ndarray
    states: np.ndarray
    actions: np.ndarray
    stamps: np.ndarray
    episode: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    tasks: tuple[str, ...]
    monitor: Mapping[str, np.ndarray]

    def windows(self, length: int) -> np.ndarray:
        """First rows (n,) int64 of all runs of `length` frames that stay within one episode."""
        runs = [
            np.arange(start, start + size - length + 1)
            for start, size in zip(self.starts, self.lengths, strict=True)
            if size >= length
        ]
        return np.concatenate(runs) if runs else np.empty(0, np.int64)


def load_cached(root: Path, *, progress: bool = True) -> CachedDataset:
    """The dataset at `root` as arrays, decoding it into `root/.cache` unless that is up to date.

    Raises:
        DatasetError: The dataset is missing or damaged, or the disk has no room for the decoded frames.
    """
    dataset = Dataset.open(root)
    key = _fingerprint(dataset)
    folder = root / _FOLDER / key
    if not (folder / _MANIFEST).is_file():
        shutil.rmtree(root / _FOLDER, ignore_errors=True)
        _build(dataset, folder, progress)
    return _open(dataset, folder)


def _fingerprint(dataset: Dataset) -> str:
    """Names, sizes and modification times of the files that the frames come from, as one hash."""
    names = {name for episode in dataset.episodes for name in (episode.data_path, episode.videos[0].path)}
    digest = hashlib.sha256(f"{_FORMAT} {len(dataset)} {dataset.frames}".encode())
    for name in sorted(names):
        path = dataset.root / name
        if not path.is_file():
            raise DatasetError(f"{path}: the file is missing; restore it from a copy")
        status = path.stat()
        digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _build(dataset: Dataset, folder: Path, progress: bool) -> None:
    camera = dataset.contract.camera
    check_space(dataset.root, dataset.frames * camera.height * camera.width * 3)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent))
    arrays: dict[str, np.ndarray] = {}
    episodes = track(dataset, "decoding the dataset once", total=len(dataset), disable=not progress, transient=True)
    row = 0
    for episode in episodes:
        columns = {"images": episode.images, "states": episode.states, "actions": episode.actions}
        columns["stamps"] = episode.stamps
        columns |= {f"monitor.{name}": column for name, column in episode.monitor.items()}
        for name, column in columns.items():
            if name not in arrays:
                shape = (dataset.frames, *column.shape[1:])
                arrays[name] = np.lib.format.open_memmap(partial / f"{name}.npy", "w+", column.dtype, shape)
            arrays[name][row : row + len(episode)] = column
        row += len(episode)
    dataset.close()
    for array in arrays.values():
        array.flush()  # type: ignore[attr-defined]
    (partial / _MANIFEST).write_text(json.dumps({"format": _FORMAT, "arrays": sorted(arrays)}), encoding="utf-8")
    os.replace(partial, folder)


def _open(dataset: Dataset, folder: Path) -> CachedDataset:
    names = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))["arrays"]
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in names}
    lengths = np.array([episode.length for episode in dataset.episodes], np.int64)
    return CachedDataset(
        contract=dataset.contract,
        episode=np.repeat(np.arange(len(lengths)), lengths),
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        tasks=tuple(episode.task for episode in dataset.episodes),
        monitor={name.removeprefix("monitor."): array for name, array in arrays.items() if name.startswith("monitor.")},
        **{name: arrays[name] for name in ("images", "states", "actions", "stamps")},
    )
