"""Judged pairs of episode clips, as JSON lines: `{"better": CLIP, "worse": CLIP}`.

A clip is `{"dataset": PATH, "episode": NUMBER, "start": FRAME, "length": FRAMES}`; a relative path is one from the
folder of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from robot_wm.data.files import write_atomic
from robot_wm.data.lerobot_reader import Dataset
from robot_wm.errors import DatasetError


@dataclass(frozen=True)
class Clip:
    """Some frames of an episode.

    Attributes:
        dataset: Path of a LeRobot v3 dataset.
        episode: Number of the episode.
        start: First frame.
        length: Number of frames.
    """

    dataset: str
    episode: int
    start: int
    length: int


@dataclass(frozen=True)
class Judgement:
    """Which of two clips is the better one."""

    better: Clip
    worse: Clip


def read_judgements(path: Path) -> list[Judgement]:
    """The judged pairs of a file, with paths as they lead from here.

    Raises:
        DatasetError: The file is missing, holds no pair, or a line is malformed; the line is named.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: no readable file of judged pairs ({error})") from error
    judgements = [_judgement(line, path, number) for number, line in enumerate(lines, 1) if line.strip()]
    if not judgements:
        raise DatasetError(f"{path}: holds no judged pair; one line a pair is needed, see docs/preference.md")
    return judgements


def write_judgements(path: Path, judgements: Iterable[Judgement]) -> None:
    """Writes judged pairs, one a line."""
    write_atomic(path, "".join(json.dumps(asdict(judgement)) + "\n" for judgement in judgements).encode())


def clip_images(clips: Iterable[Clip]) -> dict[Clip, np.ndarray]:
    """The pictures of each clip, uint8 (length, H, W, 3); every episode is decoded once.

    Raises:
        DatasetError: A dataset, an episode or a frame does not exist.
    """
    images, ordered = {}, sorted(set(clips), key=lambda clip: (clip.dataset, clip.episode))
    opened: dict[str, Dataset] = {}
    episode, known = None, None
    for clip in ordered:
        dataset = opened.setdefault(clip.dataset, Dataset.open(Path(clip.dataset)))
        if (clip.dataset, clip.episode) != known or episode is None:
            episode, known = dataset.read(clip.episode), (clip.dataset, clip.episode)
        if clip.start + clip.length > len(episode):
            raise DatasetError(
                f"{clip.dataset}: episode {clip.episode} has {len(episode)} frames, but a clip ends with frame "
                f"{clip.start + clip.length - 1}; judge clips that exist"
            )
        images[clip] = episode.images[clip.start : clip.start + clip.length].copy()
    return images


def _judgement(line: str, path: Path, number: int) -> Judgement:
    try:
        plain = json.loads(line)
        return Judgement(_clip(plain["better"], path.parent), _clip(plain["worse"], path.parent))
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f'{path}, line {number}: not a judged pair ({error!r}); expected {{"better": CLIP, "worse": CLIP}} with '
            "dataset, episode, start and length of each clip"
        ) from error


def _clip(plain: Mapping[str, Any], folder: Path) -> Clip:
    names = [field.name for field in fields(Clip)]
    if set(plain) != set(names) or not isinstance(plain["dataset"], str):
        raise ValueError(f"a clip is {dict(plain)}")
    numbers = [plain[name] for name in names[1:]]
    if any(not isinstance(value, int) or isinstance(value, bool) for value in numbers):
        raise ValueError(f"episode, start and length are {numbers}, expected whole numbers")
    if min(numbers) < 0 or plain["length"] < 1:
        raise ValueError(f"episode, start and length are {numbers}, expected at least 0, 0 and 1")
    return Clip(str(folder / plain["dataset"]), *numbers)
