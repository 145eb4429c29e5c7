"""Collects play episodes with several processes into one dataset, the same for any number of processes."""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from robot_wm.contract import TABLETOP
from robot_wm.data import DatasetWriter, Episode
from robot_wm.data.files import write_atomic
from robot_wm.errors import DatasetError

_RECORD = "meta/collect.json"
_AHEAD = 4


@dataclass(frozen=True)
class CollectConfig:
    """Collects scripted play in the simulator and writes it as a LeRobot v3 dataset.

    Run it again with the same options to go on after an interruption, or with more episodes to add to the dataset.

    Example: robot-wm collect --task play --episodes 200 --workers 2 --out datasets/play --seed 0

    Attributes:
        out: Folder of the dataset.
        task: What is played; "play" is a mixture of both.
        episodes: Number of episodes that the dataset shall have.
        workers: Processes that simulate.
        seed: The same seed gives the same episodes.
        steps: Frames of an episode.
        randomize: Share of episodes with randomised colours, light, friction, mass and camera pose.
        reach_share: Share of episodes in "play" in which the arm only wanders.
    """

    out: Path
    task: Literal["reach", "push", "play"] = "play"
    episodes: int = 100
    workers: int = 2
    seed: int = 0
    steps: int = 50
    randomize: float = 0.5
    reach_share: float = 0.15

    def __post_init__(self) -> None:
        for name, low in (("episodes", 1), ("workers", 1), ("steps", 2), ("seed", 0)):
            if getattr(self, name) < low:
                raise DatasetError(f"collect: {name} is {getattr(self, name)}; at least {low} is needed")
        for name in ("randomize", "reach_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise DatasetError(f"collect: {name} is {getattr(self, name)}; a share between 0 and 1 is needed")

    @property
    def recipe(self) -> dict[str, object]:
        """What decides the content of episode `i`, and so must not change when a collection goes on."""
        plain = asdict(self)
        return {name: plain[name] for name in ("task", "seed", "steps", "randomize", "reach_share")}


def run(config: CollectConfig) -> int:
    """Collects until the dataset has `config.episodes` episodes.

    Returns:
        0, or 130 after Ctrl-C; the finished episodes are kept either way.

    Raises:
        DatasetError: The folder holds something else, the disk is full, or a process died.
    """
    console = Console()
    _check_recipe(config)
    with DatasetWriter(config.out, TABLETOP) as writer:
        there = writer.episodes
        if there:
            console.print(f"{config.out} has {there} episodes; going on to {config.episodes}")
        try:
            with _progress(console) as progress:
                task = progress.add_task("collecting", total=max(config.episodes, there), completed=there)
                for episode in episodes(config, there):
                    writer.add(episode)
                    progress.advance(task)
        except KeyboardInterrupt:
            writer.close()
            console.print(
                f"interrupted: {writer.episodes} of {config.episodes} episodes are in {config.out}; run again"
            )
            return 130
        except BrokenProcessPool:
            writer.close()
            raise DatasetError(
                f"collect: a simulating process died (out of memory, or killed); {writer.episodes} episodes are in "
                f"{config.out}; run the same command again to go on, with fewer workers if memory is short"
            ) from None
    console.print(f"{writer.episodes} episodes are in {config.out}")
    return 0


def episodes(config: CollectConfig, first: int = 0) -> Iterator[Episode]:
    """Episodes `first` to `config.episodes - 1` in order; at most a few a worker are waiting at any time."""
    numbers = iter(range(first, config.episodes))
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(config.workers, max(1, config.episodes - first)), context, _start_worker)
    waiting: deque[Future[Episode]] = deque()
    try:
        for number in numbers:
            waiting.append(pool.submit(play, config, number))
            if len(waiting) >= _AHEAD * config.workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def play(config: CollectConfig, number: int) -> Episode:
    """Plays episode `number`; it depends on nothing but the recipe and this number."""
    from sim.play import play_episode

    rng = np.random.default_rng([config.seed, number])
    task = config.task
    if task == "play":
        task = "reach" if rng.random() < config.reach_share else "push"
    return play_episode(task, int(rng.integers(2**31)), config.steps, config.randomize)


def _check_recipe(config: CollectConfig) -> None:
    path = config.out / _RECORD
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        changed = [name for name, value in config.recipe.items() if before.get(name) != value]
        if changed:
            raise DatasetError(
                f"{config.out} was collected with {', '.join(f'{name} {before.get(name)}' for name in changed)}; "
                "use the same options to go on, or another folder"
            )
        return
    if config.out.is_dir() and any(config.out.iterdir()):
        raise DatasetError(f"{config.out} holds something that this command did not write; choose another folder")
    write_atomic(path, json.dumps(config.recipe, indent=2).encode())


def _start_worker() -> None:
    """Leaves Ctrl-C to the main process, and ends when that is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)
