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
from robot_wm.data.confined import inside, refuse_links
from robot_wm.data.episode import Episode
from robot_wm.data.video import VideoReader
from robot_wm.errors import DatasetError


@dataclass(frozen=True)
class VideoPlace:
    """Where the images of one camera lie for one episode.

    Attributes:
        camera: Name of the camera.
        path: The video, relative to the dataset.
        first_frame: Number of the episode's first frame in it.
        crc32: Checksum of the images, or None where the dataset has none.
    """

    camera: str
    path: str
    first_frame: int
    crc32: int | None


@dataclass(frozen=True)
class EpisodeInfo:
    """Where one episode lies: rows `start` to `stop` of the dataset, and as many frames of one video a camera."""

    index: int
    task: str
    start: int
    stop: int
    data_path: str
    videos: tuple[VideoPlace, ...]

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
        self._videos: dict[str, VideoReader] = {}

    @classmethod
    def open(cls, root: Path) -> Dataset:
        """Reads the description of a dataset.

        Raises:
            DatasetError: There is no dataset of format v3.0, its description is damaged, or it leads outside of `root`.
        """
        path = root / layout.INFO_PATH
        refuse_links(root)
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
            first, *others = episode.videos
            return Episode(
                images=self._images(episode, first),
                states=layout.to_numpy(rows, layout.STATE),
                actions=layout.to_numpy(rows, layout.ACTION),
                stamps=layout.to_numpy(rows, layout.STAMP),
                task=episode.task,
                monitor={
                    name.removeprefix(layout.MONITOR): layout.to_numpy(rows, name)
                    for name in self.features
                    if name.startswith(layout.MONITOR)
                },
                views={place.camera: self._images(episode, place) for place in others},
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
        """Closes the videos that were read last."""
        while self._videos:
            self._videos.popitem()[1].close()

    def _rows(self, episode: EpisodeInfo) -> pa.Table:
        if self._table is None or self._table[0] != episode.data_path:
            first = min(other.start for other in self.episodes if other.data_path == episode.data_path)
            self._table = (episode.data_path, first, read_parquet(self.root / episode.data_path))
        _, first, table = self._table
        rows = table.slice(episode.start - first, episode.length)
        if rows.num_rows != episode.length or set(rows["episode_index"].unique().to_pylist()) != {episode.index}:
            raise DatasetError(f"{self.root / episode.data_path}: rows of episode {episode.index} are missing")
        return rows

    def _images(self, episode: EpisodeInfo, place: VideoPlace) -> np.ndarray:
        path, video = self.root / place.path, self._videos.get(place.camera)
        if video is None or video.path != path:
            if video is not None:
                self._videos.pop(place.camera).close()
            video = self._videos[place.camera] = VideoReader(path, self.fps)
        images = video.read(place.first_frame, episode.length)
        if place.crc32 is not None and zlib.crc32(images.data) != place.crc32:
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
    names = ["chunk_index", "file_index"]
    columns = ["episode_index", "tasks", "dataset_from_index", "dataset_to_index", *("data/" + name for name in names)]
    for camera in contract.cameras:
        columns += [_video_column(camera.name, name) for name in (*names, "from_timestamp", layout.CHECKSUM)]
    found = []
    for path in sorted((root / "meta/episodes").glob("*/*.parquet")):
        for row in read_parquet(path, columns).to_pylist():
            found.append(
                EpisodeInfo(
                    index=row["episode_index"],
                    task=row["tasks"][0],
                    start=row["dataset_from_index"],
                    stop=row["dataset_to_index"],
                    data_path=_relative(root, info.get("data_path"), {name: row["data/" + name] for name in names}),
                    videos=tuple(_video_place(root, row, info, camera.name) for camera in contract.cameras),
                )
            )
    found.sort(key=lambda episode: episode.index)
    first = info.get(layout.FIRST_EPISODE, 0)
    if not found or [episode.index for episode in found] != list(range(first, first + len(found))):
        raise DatasetError(
            f"{root}: the files in meta/episodes do not list the episodes {first}, {first + 1}, ... without a gap"
        )
    return tuple(found)


def _video_column(camera: str, name: str) -> str:
    return f"videos/{layout.video_key(camera)}/{name}"


def _relative(root: Path, template: object, names: Mapping[str, str | int]) -> str:
    return inside(root, template, names).relative_to(root).as_posix()


def _video_place(root: Path, row: dict[str, Any], info: dict[str, Any], camera: str) -> VideoPlace:
    indices = {name: row[_video_column(camera, name)] for name in ("chunk_index", "file_index")}
    return VideoPlace(
        camera=camera,
        path=_relative(root, info.get("video_path"), {"video_key": layout.video_key(camera)} | indices),
        first_frame=round(row[_video_column(camera, "from_timestamp")] * info["fps"]),
        crc32=row.get(_video_column(camera, layout.CHECKSUM)),
    )
