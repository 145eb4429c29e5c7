"""Windows of frames, actions and hindsight goals, drawn from episodes that lie decoded in memory-mapped arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from robot_wm.data.cache import CachedDataset
from robot_wm.data.episode import INTERVENTION
from robot_wm.errors import TrainingError


@dataclass(frozen=True)
class Frames:
    """All frames of a dataset, one after the other.

    Attributes:
        images: uint8 (M, H, W, 3); may be memory-mapped.
        states: float32 (M, 8), or (0, 8) where only pictures are known.
        actions: float32 (M, 7) or (0, 7); row t was executed between frames t and t + 1.
        starts: First frame of each episode, int64 (E,).
        lengths: Frames of each episode, int64 (E,).
        monitor: Privileged columns (M, …), for monitors only; never trained on.
        guided: Whether the action of a row was chosen by someone to imitate, bool (M,); None stands for all. Actions
            of a model that somebody corrected later are learned from as physics, not as an example.
    """

    images: np.ndarray
    states: np.ndarray
    actions: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    monitor: Mapping[str, np.ndarray]
    guided: np.ndarray | None = None

    @classmethod
    def of(cls, data: CachedDataset) -> Frames:
        """The frames of a decoded dataset; its column `intervention` says which of them are guided."""
        guided = data.monitor.get(INTERVENTION)
        return cls(data.images, data.states, data.actions, data.starts, data.lengths, data.monitor, guided)

    @classmethod
    def seen(cls, images: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> Frames:
        """Frames of which only the pictures are known; good for masked pre-training."""
        return cls(images, np.empty((0, 8), np.float32), np.empty((0, 7), np.float32), starts, lengths, {})

    @property
    def acted(self) -> bool:
        """Whether states and actions are known."""
        return len(self.actions) > 0

    @classmethod
    def joined(cls, parts: Sequence[Frames]) -> Frames:
        """All episodes of several datasets, without pictures and monitors; rows count through the datasets in order."""
        offsets = np.cumsum([0] + [len(part.images) for part in parts[:-1]])
        return cls(
            images=np.empty((0, 0, 0, 3), dtype=np.uint8),
            states=np.concatenate([part.states for part in parts]),
            actions=np.concatenate([part.actions for part in parts]),
            starts=np.concatenate([part.starts + offset for part, offset in zip(parts, offsets, strict=True)]),
            lengths=np.concatenate([part.lengths for part in parts]),
            monitor={},
            guided=np.concatenate([np.ones(len(p.images), bool) if p.guided is None else p.guided for p in parts]),
        )

    def split(self, held_out: float) -> tuple[Frames, Frames]:
        """Training episodes and the last `held_out` share of the episodes; fewer than two raise TrainingError."""
        if len(self.starts) < 2:
            raise TrainingError(
                f"{len(self.starts)} episodes or clips: at least one is held out to measure on, and one is trained on; "
                "collect more, or cut a long video into clips"
            )
        kept = max(1, len(self.starts) - max(1, round(held_out * len(self.starts))))
        return self._subset(slice(0, kept)), self._subset(slice(kept, None))

    def _subset(self, episodes: slice) -> Frames:
        return replace(self, starts=self.starts[episodes], lengths=self.lengths[episodes])

    def rows(self) -> np.ndarray:
        """Indices of all frames of these episodes."""
        return np.concatenate([np.arange(s, s + n) for s, n in zip(self.starts, self.lengths, strict=True)])


@dataclass(frozen=True)
class WindowConfig:
    """What one training sample holds.

    Attributes:
        frames: Consecutive frames W.
        goals: Further frames G after the window's first, at random distances.
        reach: Longest distance of a goal, steps.
        chunk: Actions that follow each frame.
    """

    frames: int = 3
    goals: int = 2
    reach: int = 40
    chunk: int = 8


@dataclass(frozen=True)
class Window:
    """A batch of samples; index arrays are rows of `Frames`.

    Attributes:
        rows: Frame rows, int64 (B, W + G): consecutive frames, then goals.
        steps: Their times in steps from the first, int64 (B, W + G).
        chunk_rows: Rows of the actions after each window frame, int64 (B, W, chunk).
        chunk_valid: False where the episode had ended, bool (B, W, chunk).
        chunk_guided: False there too, and where the action is none to imitate.
    """

    rows: np.ndarray
    steps: np.ndarray
    chunk_rows: np.ndarray
    chunk_valid: np.ndarray
    chunk_guided: np.ndarray


def draw(frames: Frames, config: WindowConfig, batch: int, rng: np.random.Generator) -> Window:
    """Draws windows uniformly over episodes and starts; episodes too short for one raise TrainingError."""
    usable = np.flatnonzero(frames.lengths > config.frames)
    if not len(usable):
        raise TrainingError(
            f"no episode has more than {config.frames} frames (longest: {frames.lengths.max(initial=0)}); "
            "collect longer episodes or lower the window"
        )
    episode = rng.choice(usable, batch)
    last = frames.starts[episode] + frames.lengths[episode] - 1
    start = frames.starts[episode] + rng.integers(0, frames.lengths[episode] - config.frames)
    window = np.arange(config.frames)[None]
    furthest = np.minimum(config.reach, last - start)
    span = np.maximum(furthest - (config.frames - 1), 1)
    goals = config.frames - 1 + np.ceil(rng.random((batch, config.goals)) ** 1.5 * span[:, None]).astype(np.int64)
    goals = np.clip(goals, 1, furthest[:, None])
    steps = np.concatenate([np.repeat(window, batch, 0), goals], axis=1)
    chunk = start[:, None, None] + window[..., None] + np.arange(config.chunk)
    valid = chunk < last[:, None, None]
    chunk = np.minimum(chunk, last[:, None, None])
    guided = valid if frames.guided is None else valid & frames.guided[chunk]
    return Window(start[:, None] + steps, steps, chunk, valid, guided)


def take(array: np.ndarray, rows: np.ndarray, device: torch.device) -> torch.Tensor:
    """Rows of an array as a tensor on `device`, shaped rows.shape + array.shape[1:]."""
    return torch.from_numpy(np.ascontiguousarray(array[rows])).to(device)


def take_images(parts: Sequence[np.ndarray], rows: np.ndarray, device: torch.device) -> torch.Tensor:
    """As `take`, of several arrays whose rows count on from one to the next, as in `Frames.joined`."""
    if len(parts) == 1:
        return take(parts[0], rows, device)
    taken = np.empty((*rows.shape, *parts[0].shape[1:]), parts[0].dtype)
    first = 0
    for part in parts:
        here = (rows >= first) & (rows < first + len(part))
        taken[here] = part[rows[here] - first]
        first += len(part)
    return torch.from_numpy(taken).to(device)
