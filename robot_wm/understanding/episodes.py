"""Episodes to look at: those of a dataset, or fresh ones of scripted play, the same for the same seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.progress import track

from robot_wm.data.cache import load_cached
from robot_wm.data.episode import Episode
from robot_wm.errors import DatasetError

if TYPE_CHECKING:
    from sim.randomization import Randomization


@dataclass(frozen=True)
class Episodes:
    """Frames of several episodes, one after the other.

    Attributes:
        images: uint8 (M, H, W, 3).
        states: float32 (M, 8).
        actions: float32 (M, 7); row t was executed between frames t and t + 1.
        starts: First frame of each episode (E,).
        lengths: Frames of each episode (E,).
        monitor: Privileged columns (M, …).
    """

    images: np.ndarray
    states: np.ndarray
    actions: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    monitor: Mapping[str, np.ndarray]

    @property
    def episode(self) -> np.ndarray:
        """Number of the episode of each frame (M,)."""
        return np.repeat(np.arange(len(self.starts)), self.lengths)


def dataset_episodes(path: Path, count: int) -> Episodes:
    """`count` episodes of a LeRobot v3 dataset, evenly from its whole length; DatasetError when it has fewer."""
    data = load_cached(path)
    if count > len(data.starts):
        raise DatasetError(f"{path}: has {len(data.starts)} episodes, {count} are asked for; lower --episodes")
    chosen = np.linspace(0, len(data.starts) - 1, count).astype(int)
    rows = np.concatenate([np.arange(data.starts[i], data.starts[i] + data.lengths[i]) for i in chosen])
    lengths = data.lengths[chosen]
    return Episodes(
        np.asarray(data.images[rows]),
        np.asarray(data.states[rows]),
        np.asarray(data.actions[rows]),
        np.cumsum(lengths) - lengths,
        lengths,
        {name: np.asarray(column[rows]) for name, column in data.monitor.items()},
    )


def fresh_episodes(
    count: int,
    seed: int,
    *,
    randomize: float,
    workers: int = 1,
    steps: int = 50,
    ranges: Randomization | None = None,
) -> Episodes:
    """`count` episodes of scripted play; episode i depends on (seed, i) alone.

    Args:
        randomize: Share of episodes with randomised looks, light, physics and camera pose.
        workers: Processes that simulate.
        ranges: What randomising changes; the usual ranges by default.
    """
    from sim.parallel import ordered_map

    play = partial(_play, seed, steps, randomize, ranges)
    films = map(play, range(count)) if workers == 1 else ordered_map(play, range(count), workers)
    played = list(track(films, "playing", total=count))
    lengths = np.array([len(episode) for episode in played])
    return Episodes(
        np.concatenate([episode.images for episode in played]),
        np.concatenate([episode.states for episode in played]),
        np.concatenate([episode.actions for episode in played]),
        np.cumsum(lengths) - lengths,
        lengths,
        {name: np.concatenate([episode.monitor[name] for episode in played]) for name in played[0].monitor},
    )


def _play(seed: int, steps: int, randomize: float, ranges: Randomization | None, number: int) -> Episode:
    from sim.play import play_episode

    rng = np.random.default_rng([seed, number])
    task = "reach" if rng.random() < 0.25 else "push"
    return play_episode(task, int(rng.integers(2**31)), steps, randomize, ranges)
