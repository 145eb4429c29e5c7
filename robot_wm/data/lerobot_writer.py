"""Writes episodes as a LeRobot v3.0 dataset that is complete on disk after every commit."""

from __future__ import annotations

import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa

from robot_wm.contract import Contract
from robot_wm.data import lerobot_layout as layout
from robot_wm.data import video
from robot_wm.data.episode import Episode
from robot_wm.data.files import remove_partial, write_atomic
from robot_wm.data.lerobot_description import parquet, write_description
from robot_wm.data.lerobot_resume import Resumed, resume
from robot_wm.data.stats import FeatureStats, describe, describe_images
from robot_wm.errors import DatasetError


@dataclass
class _Shard:
    """The files with one number that are being filled: one of data, one of video, one of episodes."""

    number: int
    first_frame: int
    tables: list[pa.Table] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    clips: dict[str, list[bytes]] = field(default_factory=dict)
    clip_frames: list[int] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return sum(self.clip_frames)

    @property
    def bytes(self) -> int:
        clips = sum(len(clip) for clips in self.clips.values() for clip in clips)
        return clips + sum(table.nbytes for table in self.tables)


class DatasetWriter:
    """Adds episodes to a new or an existing dataset; several share a file until it reaches `file_mib`.

    Memory holds one file's worth of episodes, however long the dataset. A commit replaces whole files, so a kill at
    any instant leaves a readable dataset that lacks at most the episodes of the last `flush_s` seconds.

    Args:
        root: Folder of the dataset. If it holds a dataset of the same contract, episodes are appended to it.
        contract: What the images, states and actions are.
        fps: Frames a second; None takes one frame a step of the contract.
        robot: Written as `robot_type`.
        file_mib: Size at which the next file is begun, MiB.
        flush_s: Longest time between an added episode and its commit, as long as episodes keep coming.
        begin: Where the counts of a new shard begin; a dataset of its own begins at nothing.

    Raises:
        DatasetError: The folder holds something else, or another contract.
    """

    def __init__(
        self,
        root: Path,
        contract: Contract,
        *,
        fps: float | None = None,
        robot: str = "panda",
        file_mib: int = 8,
        flush_s: float = 1.0,
        begin: Resumed | None = None,
    ) -> None:
        self.root = root
        self._contract = contract
        self._fps = Fraction(fps if fps else 1.0 / contract.step_s).limit_denominator(1000)
        self._robot, self._file_mib, self._flush_s = robot, file_mib, flush_s
        remove_partial(root)
        self._state: Resumed = resume(root, contract, self._fps, begin)
        self._shard = _Shard(self._state.files, self._state.frames)
        self._committed = time.monotonic()
        self._pending = self._torn = False

    @property
    def episodes(self) -> int:
        """Number that the next episode gets: how many there are, those not yet committed included."""
        return self._state.episodes

    def add(self, episode: Episode) -> None:
        """Appends an episode.

        Raises:
            DatasetError: The episode does not follow the contract, has other monitor columns than those before, or
                the disk is full; what was committed before is unharmed.
        """
        state, fps = self._state, self._fps
        episode.check(self._contract)
        described = layout.features(self._contract, fps, episode.monitor)
        if state.features is not None and described != state.features:
            raise DatasetError(
                f"{self.root}: the episode has the columns {sorted(described)}, "
                f"the dataset {sorted(state.features)} (or other types or sizes); write it to another dataset"
            )
        cameras = episode.cameras(self._contract)
        with ThreadPoolExecutor(len(cameras)) as pool:
            encoded = pool.map(lambda images: video.encode(images, fps), cameras.values())
            clips = dict(zip(cameras, encoded, strict=True))
        if self._shard.clips and self._shard.bytes + sum(map(len, clips.values())) > self._file_mib << 20:
            self.commit()
            self._shard = _Shard(self._shard.number + 1, state.frames)
        self._torn = True
        state.features = described
        state.tasks.setdefault(episode.task, len(state.tasks))
        columns = self._columns(episode)
        stats = {name: describe(column) for name, column in columns.items()}
        stats |= {layout.video_key(name): describe_images(images) for name, images in cameras.items()}
        self._shard.rows.append(self._row(episode, stats))
        self._shard.tables.append(layout.to_arrow(columns, described))
        for name, clip in clips.items():
            self._shard.clips.setdefault(name, []).append(clip)
        self._shard.clip_frames.append(len(episode))
        state.stats = {name: _merged(state.stats.get(name), part) for name, part in stats.items()}
        state.episodes += 1
        state.frames += len(episode)
        self._pending, self._torn = True, False
        if time.monotonic() - self._committed >= self._flush_s:
            self.commit()

    def commit(self) -> None:
        """Brings the files on disk up to the last added episode."""
        if not self._pending:
            return
        self._torn = True
        shard, state = self._shard, self._state
        names = layout.chunk_and_file(shard.number)
        for camera, clips in shard.clips.items():
            shard.clips[camera] = [video.concatenate(clips, shard.clip_frames, self._fps)]
            path = self.root / layout.VIDEO_PATH.format(video_key=layout.video_key(camera), **names)
            write_atomic(path, shard.clips[camera][0])
        shard.clip_frames = [shard.frames]
        write_atomic(self.root / layout.DATA_PATH.format(**names), parquet(shard.tables))
        rows = pa.Table.from_pylist(shard.rows)
        info = layout.info(state.features or {}, self._fps, self._robot, self._file_mib)
        write_description(self.root, self._contract, state, info, names, rows)
        self._pending = self._torn = False
        self._committed = time.monotonic()

    def close(self) -> None:
        """Commits what is pending."""
        self.commit()

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._torn:
            self.close()

    def _columns(self, episode: Episode) -> dict[str, np.ndarray]:
        frames = np.arange(len(episode), dtype=np.int64)
        columns = {layout.STATE: episode.states, layout.ACTION: episode.actions, layout.STAMP: episode.stamps}
        columns.update({layout.MONITOR + name: episode.monitor[name] for name in sorted(episode.monitor)})
        columns["timestamp"] = (frames / float(self._fps)).astype(np.float32)
        columns["frame_index"] = frames
        columns["episode_index"] = np.full_like(frames, self._state.episodes)
        columns["index"] = frames + self._state.frames
        columns["task_index"] = np.full_like(frames, self._state.tasks[episode.task])
        return columns

    def _row(self, episode: Episode, stats: dict[str, FeatureStats]) -> dict[str, Any]:
        names = layout.chunk_and_file(self._shard.number)
        start = self._shard.frames
        row: dict[str, Any] = {"episode_index": self._state.episodes, "tasks": [episode.task], "length": len(episode)}
        row |= {f"data/{name}": index for name, index in names.items()}
        row |= {"dataset_from_index": self._state.frames, "dataset_to_index": self._state.frames + len(episode)}
        for camera, images in episode.cameras(self._contract).items():
            prefix = f"videos/{layout.video_key(camera)}/"
            row |= {prefix + name: index for name, index in names.items()}
            row |= {prefix + "from_timestamp": float(start / self._fps)}
            row |= {prefix + "to_timestamp": float((start + len(episode)) / self._fps)}
            row |= {prefix + layout.CHECKSUM: zlib.crc32(np.ascontiguousarray(images).data)}
        for name, part in stats.items():
            row |= {f"stats/{name}/{key}": value for key, value in part.to_plain().items()}
        return row | {f"meta/episodes/{name}": index for name, index in names.items()}


def _merged(before: FeatureStats | None, part: FeatureStats) -> FeatureStats:
    return part if before is None else before.merge(part)
