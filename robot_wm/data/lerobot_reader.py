"""Reads LeRobot v3.0 datasets episode by episode."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from robot_wm.contract import Contract
from robot_wm.data import lerobot_layout as layout
from robot_wm.data.episode import Episode
from robot_wm.data.video import VideoReader
from robot_wm.errors import DatasetError


@dataclass(frozen=True)
class EpisodeInfo:
    """Where one episode lies: rows `start` to `stop` of the dataset, and the same frames of a video.

    Attributes:
        video_frame: Number of its first frame in the video file.
        crc32: Checksum of its images, or None where the dataset has none.
    """

    index: int
    task: str
    start: int
    stop: int
    data_path: str
    video_path: str
    video_frame: int
    crc32: int | None

    @property
    def length(self) -> int:
        """Number of frames."""
        return self.stop - self.start


class Dataset:
    """A dataset on disk; `open` reads its description only, episodes are read one at a time."""

    def __init__(
        self,
        root: Path,
        fps: Fraction,
        features: Mapping[str, Any],
        contract: Contract,
        tasks: dict[str, int],
        episodes: tuple[EpisodeInfo, ...],
    ) -> None:
        self.root, self.fps, self.features, self.contract = root, fps, features, contract
        self.tasks, self.episodes = tasks, episodes
        self._table: tuple[str, int, pa.Table] | None = None
        self._video: VideoReader | None = None

    @classmethod
    def open(cls, root: Path) -> Dataset:
        """Reads the description of a dataset.

        Raises:
            DatasetError: There is no dataset of format v3.0, or its description is damaged.
        """
        path = root / layout.INFO_PATH
        try:
            info = json.loads(path.read_text(encoding="utf-8"))
            version, fps, features = info["codebase_version"], Fraction(info["fps"]), info["features"]
        except FileNotFoundError:
            raise DatasetError(f"{root}: no dataset there ({layout.INFO_PATH} is missing); collect one first") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{path}: not a dataset description ({error!r})") from error
        if version != layout.VERSION:
            raise DatasetError(f"{path}: format {version} was found, {layout.VERSION} is needed; convert the dataset")
        contract = Contract.load(root / layout.CONTRACT_PATH)
        names = read_parquet(root / layout.TASKS_PATH)
        tasks = dict(zip(names["task"].to_pylist(), names["task_index"].to_pylist(), strict=True))
        return cls(root, fps.limit_denominator(1000), features, contract, tasks, _episodes(root, info, contract))

    @property
    def frames(self) -> int:
        """Number of frames of all episodes."""
        return sum(episode.length for episode in self.episodes)

    def read(self, index: int) -> Episode:
        """Reads and decodes one episode.

        Raises:
            DatasetError: There is no such episode, or its data or video is missing or damaged.
        """
        if not 0 <= index < len(self.episodes):
            raise DatasetError(f"{self.root}: there is no episode {index}; the dataset has {len(self.episodes)}")
        episode = self.episodes[index]
        try:
            rows = self._rows(episode)
            images = self._images(episode)
            return Episode(
                images=images,
                states=layout.to_numpy(rows, layout.STATE),
                actions=layout.to_numpy(rows, layout.ACTION),
                stamps=layout.to_numpy(rows, layout.STAMP),
                task=episode.task,
                monitor={
                    name.removeprefix(layout.MONITOR): layout.to_numpy(rows, name)
                    for name in self.features
                    if name.startswith(layout.MONITOR)
                },
            )
        except DatasetError as error:
            raise DatasetError(f"{self.root}: episode {index} cannot be read: {error}") from error

    def __iter__(self) -> Iterator[Episode]:
        """Reads all episodes in order, holding one at a time."""
        for episode in self.episodes:
            yield self.read(episode.index)

    def __len__(self) -> int:
        return len(self.episodes)

    def close(self) -> None:
        """Closes the video that was read last."""
        if self._video is not None:
            self._video.close()
        self._video = None

    def _rows(self, episode: EpisodeInfo) -> pa.Table:
        if self._table is None or self._table[0] != episode.data_path:
            first = min(other.start for other in self.episodes if other.data_path == episode.data_path)
            self._table = (episode.data_path, first, read_parquet(self.root / episode.data_path))
        _, first, table = self._table
        rows = table.slice(episode.start - first, episode.length)
        if rows.num_rows != episode.length or set(rows["episode_index"].unique().to_pylist()) != {episode.index}:
            raise DatasetError(f"{self.root / episode.data_path}: rows of episode {episode.index} are missing")
        return rows

    def _images(self, episode: EpisodeInfo) -> np.ndarray:
        path = self.root / episode.video_path
        if self._video is None or self._video.path != path:
            self.close()
            self._video = VideoReader(path, self.fps)
        images = self._video.read(episode.video_frame, episode.length)
        if episode.crc32 is not None and zlib.crc32(images.data) != episode.crc32:
            raise DatasetError(f"{path}: the images differ from those that were written; the file is damaged")
        return images


def read_parquet(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Reads a Parquet file.

    Raises:
        DatasetError: It is missing, cut off, or lacks a column.
    """
    try:
        return pq.ParquetFile(path).read(columns)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path}: not a readable Parquet file ({error}); restore the file from a copy") from error


def _episodes(root: Path, info: dict[str, Any], contract: Contract) -> tuple[EpisodeInfo, ...]:
    key = layout.video_key(contract.camera.name)
    video = f"videos/{key}/"
    names = ["chunk_index", "file_index"]
    columns = ["episode_index", "tasks", "dataset_from_index", "dataset_to_index"]
    columns += [video + "from_timestamp", video + layout.CHECKSUM]
    columns += [folder + name for folder in ("data/", video) for name in names]
    found = []
    for path in sorted((root / "meta/episodes").glob("*/*.parquet")):
        for row in read_parquet(path, columns).to_pylist():
            found.append(
                EpisodeInfo(
                    index=row["episode_index"],
                    task=row["tasks"][0],
                    start=row["dataset_from_index"],
                    stop=row["dataset_to_index"],
                    data_path=info["data_path"].format(**{name: row["data/" + name] for name in names}),
                    video_path=info["video_path"].format(video_key=key, **{name: row[video + name] for name in names}),
                    video_frame=round(row[video + "from_timestamp"] * info["fps"]),
                    crc32=row.get(video + layout.CHECKSUM),
                )
            )
    found.sort(key=lambda episode: episode.index)
    if not found or [episode.index for episode in found] != list(range(len(found))):
        raise DatasetError(f"{root}: the files in meta/episodes do not list the episodes 0, 1, ... without a gap")
    return tuple(found)
