"""Datasets of others: LeRobot v2.1 and v3, and folders of Parquet and MP4, as episodes of columns and videos."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from robot_wm.data.confined import inside, refuse_links
from robot_wm.data.lerobot_reader import read_parquet
from robot_wm.errors import DatasetError


@dataclass(frozen=True)
class ForeignVideo:
    """Frames of one camera: a file and the number of the first frame in it."""

    path: Path
    first_frame: int


@dataclass(frozen=True)
class ForeignEpisode:
    """One episode as it lies on disk: its rows, its videos by key, and its task ("" where it names none)."""

    name: str
    rows: pa.Table
    videos: dict[str, ForeignVideo]
    task: str


class Foreign(Protocol):
    """A dataset that can be taken over."""

    @property
    def root(self) -> Path:
        """Its folder."""
        ...

    @property
    def fps(self) -> Fraction:
        """Its frames a second."""
        ...

    def episodes(self) -> Iterator[ForeignEpisode]:
        """Its episodes, one after the other."""
        ...


def open_foreign(root: Path, fps: float | None = None) -> Foreign:
    """Finds out what a folder holds.

    Raises:
        DatasetError: It is none of the known layouts, does not say its rate, or holds links.
    """
    refuse_links(root)
    info = root / "meta/info.json"
    if info.is_file():
        try:
            plain = json.loads(info.read_text(encoding="utf-8"))
            version, rate = str(plain["codebase_version"]), Fraction(plain["fps"]).limit_denominator(1000)
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{info}: not a LeRobot description ({error!r})") from error
        kinds: dict[str, Any] = {"v2.0": LeRobotV2, "v2.1": LeRobotV2, "v3.0": LeRobotV3}
        if version not in kinds:
            raise DatasetError(f"{info}: format {version} is not known; {', '.join(kinds)} are")
        return kinds[version](root, rate, plain)
    folders = sorted({path.parent for path in root.glob("*/*.parquet")})
    if not folders:
        raise DatasetError(f"{root}: neither meta/info.json nor folders with a Parquet file each are there")
    if fps is None:
        raise DatasetError(f"{root}: folders of Parquet and MP4 do not say their rate; give it with --fps")
    return EpisodeFolders(root, Fraction(fps).limit_denominator(1000), tuple(folders))


@dataclass(frozen=True)
class LeRobotV2:
    """LeRobot v2.0 and v2.1: one Parquet file and one video a camera for each episode."""

    root: Path
    fps: Fraction
    info: dict[str, Any]

    def episodes(self) -> Iterator[ForeignEpisode]:
        """Its episodes, one after the other."""
        listed = self.root / "meta/episodes.jsonl"
        try:
            rows = [json.loads(line) for line in listed.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, ValueError) as error:
            raise DatasetError(f"{listed}: not a list of episodes ({error})") from error
        for row in rows:
            number = row["episode_index"]
            names = {"episode_chunk": number // self.info["chunks_size"], "episode_index": number}
            videos = {
                key: ForeignVideo(inside(self.root, self.info.get("video_path"), {"video_key": key} | names), 0)
                for key in _video_keys(self.info)
            }
            table = read_parquet(inside(self.root, self.info.get("data_path"), names))
            yield ForeignEpisode(f"episode {number}", table, videos, (row.get("tasks") or [""])[0])


@dataclass(frozen=True)
class LeRobotV3:
    """LeRobot v3.0: several episodes share a file."""

    root: Path
    fps: Fraction
    info: dict[str, Any]

    def episodes(self) -> Iterator[ForeignEpisode]:
        """Its episodes, one after the other; a file of rows is read once."""
        held: tuple[Path, int, pa.Table] | None = None
        for listed in sorted((self.root / "meta/episodes").glob("*/*.parquet")):
            for row in read_parquet(listed).to_pylist():
                path = inside(self.root, self.info.get("data_path"), _indices(row, "data"))
                if held is None or held[0] != path:
                    held = (path, row["dataset_from_index"], read_parquet(path))
                table = held[2].slice(row["dataset_from_index"] - held[1], row["length"])
                videos = {key: self._video(row, key) for key in _video_keys(self.info)}
                yield ForeignEpisode(f"episode {row['episode_index']}", table, videos, (row.get("tasks") or [""])[0])

    def _video(self, row: dict[str, Any], key: str) -> ForeignVideo:
        path = inside(self.root, self.info.get("video_path"), {"video_key": key, **_indices(row, f"videos/{key}")})
        first = round(row[f"videos/{key}/from_timestamp"] * float(self.fps))
        return ForeignVideo(path, first)


@dataclass(frozen=True)
class EpisodeFolders:
    """One folder an episode: a Parquet file of rows, and an MP4 a camera, named after it."""

    root: Path
    fps: Fraction
    folders: tuple[Path, ...]

    def episodes(self) -> Iterator[ForeignEpisode]:
        """Its episodes in the order of the folders' names; a text file `task.txt` holds the task."""
        for folder in self.folders:
            tables = sorted(folder.glob("*.parquet"))
            if len(tables) != 1:
                raise DatasetError(f"{folder}: {len(tables)} Parquet files were found; there must be one an episode")
            videos = {path.stem: ForeignVideo(path, 0) for path in sorted(folder.glob("*.mp4"))}
            task = folder / "task.txt"
            words = task.read_text(encoding="utf-8").strip() if task.is_file() else ""
            yield ForeignEpisode(folder.name, read_parquet(tables[0]), videos, words)


def _video_keys(info: dict[str, Any]) -> list[str]:
    return [name for name, feature in info["features"].items() if feature.get("dtype") == "video"]


def _indices(row: dict[str, Any], folder: str) -> dict[str, int]:
    return {name: row[f"{folder}/{name}"] for name in ("chunk_index", "file_index")}
