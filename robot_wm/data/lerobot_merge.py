"""Puts finished shards into a dataset without rewriting a frame: files get other names, only descriptions are new."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa

from robot_wm.contract import Contract
from robot_wm.data import lerobot_layout as layout
from robot_wm.data.files import remove_partial
from robot_wm.data.lerobot_description import write_description
from robot_wm.data.lerobot_reader import Dataset, read_parquet
from robot_wm.data.lerobot_resume import episode_stats, resume
from robot_wm.errors import DatasetError


class Merger:
    """Adds shards to the dataset at `root`, one after the other.

    A shard's data and videos are linked to their new names (copied where the file system has no links); then one file
    that lists all its episodes takes them in at once, so a kill at any instant leaves a whole dataset.

    Args:
        root: Folder of the dataset, which may be empty.
        contract: What the images, states and actions are.
        robot: Written as `robot_type`.
        file_mib: Written as the size of a file.

    Raises:
        DatasetError: The folder holds something else, or another contract.
    """

    def __init__(self, root: Path, contract: Contract, *, robot: str = "panda", file_mib: int = 8) -> None:
        self.root, self._contract, self._robot, self._file_mib = root, contract, robot, file_mib
        self._fps = Fraction(1.0 / contract.step_s).limit_denominator(1000)
        remove_partial(root)
        self._state = resume(root, contract, self._fps)

    @property
    def episodes(self) -> int:
        """Number of episodes in the dataset."""
        return self._state.episodes

    def add(self, path: Path) -> None:
        """Takes in the shard at `path`, which begins where the dataset ends, and removes it there.

        Raises:
            DatasetError: The shard is damaged or does not belong here.
        """
        shard = Dataset.open(path)
        self._check(shard)
        state = self._state
        numbers = {name: state.files + i for i, name in enumerate(dict.fromkeys(e.data_path for e in shard.episodes))}
        for old, number in numbers.items():
            self._link(path / old, layout.DATA_PATH.format(**layout.chunk_and_file(number)))
        for episode in shard.episodes:
            names = layout.chunk_and_file(numbers[episode.data_path])
            for place in episode.videos:
                key = layout.video_key(place.camera)
                self._link(path / place.path, layout.VIDEO_PATH.format(video_key=key, **names))
        where = layout.chunk_and_file(state.files)
        rows = [
            row | self._places(numbers[e.data_path], where) for row, e in zip(_rows(path), shard.episodes, strict=True)
        ]
        for name, part in episode_stats(path, shard.features).items():
            state.stats[name] = state.stats[name].merge(part) if name in state.stats else part
        state.episodes, state.frames = shard.episodes[-1].index + 1, shard.episodes[-1].stop
        state.files += len(numbers)
        state.features, state.tasks = dict(shard.features), shard.tasks
        info = layout.info(state.features, self._fps, self._robot, self._file_mib)
        write_description(self.root, self._contract, state, info, where, pa.Table.from_pylist(rows))
        shutil.rmtree(path)

    def _check(self, shard: Dataset) -> None:
        state, first = self._state, shard.episodes[0]
        if (first.index, first.start) != (state.episodes, state.frames):
            raise DatasetError(
                f"{shard.root}: begins with episode {first.index} and row {first.start}, but {self.root} goes on with "
                f"episode {state.episodes} and row {state.frames}; remove the shard"
            )
        known = list(shard.tasks)[: len(state.tasks)]
        if shard.contract != self._contract or shard.fps != self._fps or known != list(state.tasks):
            raise DatasetError(
                f"{shard.root}: another contract, rate or numbering of tasks than {self.root}; remove it"
            )
        if state.features is not None and shard.features != state.features:
            raise DatasetError(f"{shard.root}: other columns than {self.root}; remove the shard")

    def _places(self, number: int, where: dict[str, int]) -> dict[str, int]:
        """The columns of an episode's row that say where it lies."""
        names = layout.chunk_and_file(number)
        places = {f"data/{name}": index for name, index in names.items()}
        for camera in self._contract.cameras:
            places |= {f"videos/{layout.video_key(camera.name)}/{name}": index for name, index in names.items()}
        return places | {f"meta/episodes/{name}": index for name, index in where.items()}

    def _link(self, source: Path, name: str) -> None:
        target = self.root / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            try:
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)
        except OSError as error:
            raise DatasetError(f"{target}: cannot be made from {source} ({error.strerror or error})") from error


def _rows(path: Path) -> list[dict[str, Any]]:
    rows = [row for file in (path / "meta/episodes").glob("*/*.parquet") for row in read_parquet(file).to_pylist()]
    return sorted(rows, key=lambda row: row["episode_index"])
