"""Shards on shared storage: written by one process, taken up by another, fetched by a third."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot_wm.contract import Contract
from robot_wm.data import lerobot_layout as layout
from robot_wm.data.episode import Episode
from robot_wm.data.lerobot_resume import Resumed
from robot_wm.data.lerobot_writer import DatasetWriter
from robot_wm.errors import DatasetError


@dataclass(frozen=True)
class Shard:
    """A run of episodes of a dataset, all of the same length.

    Attributes:
        first: Number of its first episode.
        count: Number of its episodes.
        steps: Frames of each episode of the dataset.
        tasks: All tasks of the dataset in the order of their numbers.
    """

    first: int
    count: int
    steps: int
    tasks: tuple[str, ...]

    @property
    def name(self) -> str:
        """Folder of the shard on the storage."""
        return f"{self.first:07d}-{self.stop:07d}"

    @property
    def stop(self) -> int:
        """Number of the first episode after it."""
        return self.first + self.count

    @property
    def begin(self) -> Resumed:
        """Where the counts of the shard begin."""
        tasks = {task: number for number, task in enumerate(self.tasks)}
        return Resumed(first=self.first, episodes=self.first, frames=self.first * self.steps, tasks=tasks)


def fill(shard: Shard, storage: str, contract: Contract, play: Callable[[int], Episode], scratch: Path) -> int:
    """Writes the episodes of a shard that the storage does not have yet; each is there for good before the next begins.

    Args:
        storage: Any fsspec URL, or a folder.
        play: Gives the episode of a number.
        scratch: Folder for the files of this shard where the storage is no folder of this machine.

    Returns:
        Number of the first episode that was not there yet.

    Raises:
        DatasetError: The storage holds something else there, or cannot be written.
    """
    store = Store(storage)
    folder = store.folder(shard.name) or store.fetch(shard.name, scratch)
    with DatasetWriter(folder, contract, flush_s=0.0, begin=shard.begin) as writer:
        started = writer.episodes
        for number in range(started, shard.stop):
            writer.add(play(number))
            store.push(folder, shard.name)
    return started


class Store:
    """A place for shards behind fsspec; a folder of this machine is used as it is.

    Args:
        url: Any fsspec URL, or a folder.

    Raises:
        DatasetError: fsspec does not know the protocol, or the package for it is not installed.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise DatasetError(f"{url}: not a storage that fsspec can open here ({error})") from error
        self._is_local = "file" in _protocols(self._files)
        self._pushed: dict[Path, tuple[int, int]] = {}

    def folder(self, name: str) -> Path | None:
        """The folder of a shard, where the storage is one of this machine."""
        return Path(self._root) / name if self._is_local else None

    def names(self) -> list[str]:
        """Names of the shards that are there."""
        if not self._files.exists(self._root):
            return []
        return sorted(str(path).rstrip("/").rsplit("/", 1)[1] for path in self._files.ls(self._root, detail=False))

    def fetch(self, name: str, into: Path) -> Path:
        """Copies a shard, or nothing where there is none yet, to `into / name`, and returns that."""
        folder, source = into / name, f"{self._root}/{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if not self._files.exists(source):
            return folder
        for path in self._files.find(source):
            target = folder / str(path)[str(path).index(f"/{name}/") + len(name) + 2 :]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self._files.cat_file(path))
        return folder

    def push(self, folder: Path, name: str) -> None:
        """Brings the shard on the storage up to date with `folder`, what describes it last."""
        if self._is_local:
            return
        files = sorted((path for path in folder.rglob("*") if path.is_file()), key=_order(folder))
        for path in files:
            status = path.stat()
            version = (status.st_size, status.st_mtime_ns)
            if self._pushed.get(path) == version:
                continue
            target = f"{self._root}/{name}/{path.relative_to(folder).as_posix()}"
            self._put(target, path.read_bytes())
            self._pushed[path] = version

    def remove(self, name: str) -> None:
        """Removes a shard."""
        path = f"{self._root}/{name}"
        if self._files.exists(path):
            self._files.rm(path, recursive=True)

    def _put(self, target: str, content: bytes) -> None:
        """Under another name first, so that half a file is never read."""
        try:
            self._files.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
            self._files.pipe_file(target + ".partial", content)
            self._files.mv(target + ".partial", target)
        except OSError as error:
            raise DatasetError(f"{self.url}: {target} cannot be written ({error})") from error


def _protocols(files: Any) -> tuple[str, ...]:
    return (files.protocol,) if isinstance(files.protocol, str) else tuple(files.protocol)


def _order(folder: Path) -> Callable[[Path], tuple[bool, bool, str]]:
    """Data and videos, then what lists their episodes, then `meta/info.json`."""

    def key(path: Path) -> tuple[bool, bool, str]:
        name = path.relative_to(folder).as_posix()
        return name == layout.INFO_PATH, name.startswith("meta/"), name

    return key


def cut(first: int, stop: int, size: int, steps: int, tasks: Iterable[str]) -> list[Shard]:
    """Shards of at most `size` episodes that hold the episodes from `first` to before `stop`."""
    order = tuple(tasks)
    return [Shard(start, min(size, stop - start), steps, order) for start in range(first, stop, size)]
