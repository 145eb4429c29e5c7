"""Collects play episodes with several processes into one dataset, the same for any number of processes."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from types import FrameType
from typing import Literal, cast

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from robot_wm.agent import Agent, Mode
from robot_wm.contract import Contract
from robot_wm.data import DatasetWriter, Episode
from robot_wm.data.episode import INTERVENTION
from robot_wm.data.files import write_atomic
from robot_wm.deploy.bundle import default_bundle, load_bundle
from robot_wm.errors import DatasetError
from robot_wm.evaluation import TaskName, Teacher
from sim.parallel import ordered_map
from sim.tasks import TASKS

_RECORD = "meta/collect.json"
MIXTURES: Mapping[str, Mapping[TaskName, float]] = {
    "play": {"reach": 0.25, "push": 0.75},
    "skills": {"grasp": 0.2, "pick_place": 0.35, "drawer": 0.2, "two_block": 0.25},
}
"""Share of the episodes that each task has."""
COMMON_MONITOR = ("block", "contact", "behaviour", INTERVENTION)
"""Privileged columns that every task has, the last one where somebody corrects."""


@dataclass(frozen=True)
class CollectConfig:
    """Collects scripted play in the simulator and writes it as a LeRobot v3 dataset.

    Run it again with the same options to go on after an interruption, or with more episodes to add to the dataset.

    Attributes:
        out: Folder of the dataset.
        task: What is played: one task, which is done once before play goes on, or a mixture: "play" of reach and push,
            "skills" of what needs a gripper or two blocks.
        correct: The policy of a bundle begins the task, and the player corrects its mistakes and finishes it.
        episodes: Number of episodes that the dataset shall have.
        workers: Processes that simulate.
        seed: The same seed gives the same episodes.
        steps: Frames of an episode.
        randomize: Share of episodes with randomised colours, light, friction, mass and camera pose.
        bundle: Whose policy is corrected; the one inside the package by default.
        teacher: Who corrects: the script, or a planner of the same bundle, whose solutions the policy then learns.
        ray: Spreads the work over a Ray cluster: its address, "local" for one on this machine alone, or "auto" for the
            one that runs here or that RAY_ADDRESS names, else a local one (docs/data.md).
        storage: Where the workers of a cluster write, a folder that all of them have or any fsspec URL; the dataset's
            own folder by default.
        shard: Episodes that a worker takes at a time.
    """

    out: Path
    task: TaskName | Literal["play", "skills"] = "play"
    correct: bool = False
    episodes: int = 100
    workers: int = 2
    seed: int = 0
    steps: int = 50
    randomize: float = 0.6
    bundle: Path = field(default_factory=default_bundle)
    teacher: Teacher = "script"
    ray: str | None = None
    storage: str | None = None
    shard: int = 20

    def __post_init__(self) -> None:
        for name, low in (("episodes", 1), ("workers", 1), ("steps", 2), ("seed", 0), ("shard", 1)):
            if getattr(self, name) < low:
                raise DatasetError(f"{name} is {getattr(self, name)}; at least {low} is needed")
        if not 0 <= self.randomize <= 1:
            raise DatasetError(f"randomize is {self.randomize}; a share between 0 and 1 is needed")
        if self.storage is not None and self.ray is None:
            raise DatasetError(f"storage {self.storage} is for the workers of a cluster; give --ray too")

    @property
    def recipe(self) -> dict[str, object]:
        """What decides the content of each episode, and so must not change when a collection goes on."""
        plain = asdict(self)
        recipe = {name: plain[name] for name in ("task", "correct", "seed", "steps", "randomize")}
        if not self.correct:
            return recipe
        recipe |= {"bundle": load_bundle(self.bundle).sha256}
        return recipe if self.teacher == "script" else recipe | {"teacher": self.teacher}

    @property
    def mixture(self) -> Mapping[TaskName, float]:
        """The tasks that are played, and the share of each."""
        return MIXTURES.get(self.task) or {cast(TaskName, self.task): 1.0}

    @property
    def contract(self) -> Contract:
        """The robot's contract in these episodes; it frees the gripper only where a task needs it."""
        return max((TASKS[task].contract for task in self.mixture), key=lambda contract: contract.action_high)


def run(config: CollectConfig) -> int:
    """Collects until the dataset has `config.episodes` episodes.

    Returns:
        0, or 130 after Ctrl-C; the finished episodes are kept either way.

    Raises:
        DatasetError: The folder holds something else, the disk is full, or a process died.
    """
    console = Console()
    _check_recipe(config)
    if config.ray is not None:
        from sim.cluster import collect_on_cluster

        return _report(collect_on_cluster(config, console), config.out, console)
    with DatasetWriter(config.out, config.contract) as writer:
        if writer.episodes:
            console.print(f"{config.out} has {writer.episodes} episodes; going on to {config.episodes}")
        try:
            stopped = _collect(config, writer, console)
        except BrokenProcessPool:
            raise DatasetError(
                f"a simulating process died (killed, or out of memory) after {writer.episodes} episodes; "
                "run the same command again to go on, with fewer workers if memory is short"
            ) from None
    return _report((writer.episodes, stopped), config.out, console)


def _report(outcome: tuple[int, bool], out: Path, console: Console) -> int:
    episodes, stopped = outcome
    if stopped:
        console.print("interrupted; run the same command again to go on")
    console.print(f"{episodes} episodes are in {out}")
    return 130 if stopped else 0


def play(config: CollectConfig, number: int) -> Episode:
    """Plays episode `number`; it depends on nothing but the recipe and this number."""
    from sim.play import corrected_episode, play_episode

    task, seed = drawn(config, number)
    scene = (task, seed, config.steps, config.randomize)
    if config.correct:
        teacher = None if config.teacher == "script" else _agent(config.bundle, config.teacher)
        episode = corrected_episode(_agent(config.bundle, "policy"), *scene, teacher)
    else:
        episode = play_episode(*scene)
    if len(config.mixture) == 1:
        return episode
    common = {name: column for name, column in episode.monitor.items() if name in COMMON_MONITOR}
    return replace(episode, monitor=common)


def drawn(config: CollectConfig, number: int) -> tuple[TaskName, int]:
    """Task and seed of episode `number`."""
    rng = np.random.default_rng([config.seed, number])
    bounds = np.cumsum(list(config.mixture.values()))
    task = list(config.mixture)[int(np.searchsorted(bounds[:-1], rng.random(), side="right"))]
    return task, int(rng.integers(2**31))


@cache
def _agent(bundle: Path, mode: Mode) -> Agent:
    return Agent.load(bundle, mode=mode, threads=1)


def _collect(config: CollectConfig, writer: DatasetWriter, console: Console) -> bool:
    """Adds the missing episodes; True if Ctrl-C came before the last."""
    numbers = range(writer.episodes, config.episodes)
    if not numbers:
        return False
    workers = min(config.workers, len(numbers))
    columns = (TextColumn("collecting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=console) as progress,
        ctrl_c() as pressed,
        closing(ordered_map(partial(play, config), numbers, workers)) as episodes,  # type: ignore[type-var]
    ):
        bar = progress.add_task("", total=config.episodes, completed=writer.episodes)
        for episode in episodes:
            writer.add(episode)
            progress.advance(bar)
            if pressed:
                return writer.episodes < config.episodes
    return False


@contextmanager
def ctrl_c() -> Iterator[list[bool]]:
    """Gives a list that is filled by the first Ctrl-C, so that no episode is torn; the second one interrupts."""
    pressed: list[bool] = []

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(True)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _check_recipe(config: CollectConfig) -> None:
    path = config.out / _RECORD
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        recipe = config.recipe
        changed = [name for name in {**before, **recipe} if before.get(name) != recipe.get(name)]
        if changed:
            raise DatasetError(
                f"{config.out} was collected with {', '.join(f'{name} {before.get(name)}' for name in changed)}; "
                "use the same options to go on, or another folder"
            )
        return
    if config.out.exists() and (not config.out.is_dir() or any(config.out.iterdir())):
        raise DatasetError(f"{config.out} holds something that this command did not write; choose another folder")
    write_atomic(path, json.dumps(config.recipe, indent=2).encode())
