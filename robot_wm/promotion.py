"""Whether a new model may take the place of the present one, and the memory of all such decisions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from robot_wm.data.files import write_atomic
from robot_wm.errors import RobotWmError
from robot_wm.statistics import wilson_interval

HISTORY = "history.jsonl"


@dataclass(frozen=True)
class Score:
    """Successes of one model at one task."""

    successes: int
    episodes: int

    @property
    def rate(self) -> float:
        """Share of the episodes that succeeded."""
        return self.successes / self.episodes

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the rate."""
        return wilson_interval(self.successes, self.episodes)


Scores = Mapping[str, Score]


@dataclass(frozen=True)
class Round:
    """One line of the history.

    Attributes:
        number: Counted from 1.
        promoted: Whether its model took the present one's place.
        reason: Why, in words.
        datasets: What the model was refined with, beside the run's first dataset.
        present: Scores of the bundle that was present, by task.
        candidate: Scores of the new one; empty where it was not even exported.
        present_sha256: Bundle that was present.
        candidate_sha256: The new one, or empty.
    """

    number: int
    promoted: bool
    reason: str
    datasets: tuple[str, ...]
    present: Scores
    candidate: Scores
    present_sha256: str
    candidate_sha256: str


def worse(present: Scores, candidate: Scores) -> list[str]:
    """The tasks, in words, whose success fell below the present one's interval; RobotWmError where tasks differ."""
    if set(present) != set(candidate) or not present:
        raise RobotWmError(f"promotion: scores of {sorted(present)} and {sorted(candidate)}; the same tasks are needed")
    return [
        f"{task} fell from {before.rate:.2f} ({before.interval[0]:.2f} to {before.interval[1]:.2f}) "
        f"to {candidate[task].rate:.2f}"
        for task, before in present.items()
        if candidate[task].rate < before.interval[0]
    ]


def read_history(folder: Path) -> list[Round]:
    """The rounds that are finished, empty where there are none; RobotWmError where the file is damaged."""
    path = folder / HISTORY
    if not path.is_file():
        return []
    try:
        return [_parsed(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except (ValueError, KeyError, TypeError) as error:
        raise RobotWmError(
            f"{path}: not a history of `robot-wm improve` ({error!r}); restore it, or name another --out"
        ) from error


def append_history(folder: Path, done: Round) -> None:
    """Adds a round; a kill at any instant leaves the history with or without it."""
    path = folder / HISTORY
    before = path.read_bytes() if path.is_file() else b""
    write_atomic(path, before + json.dumps(asdict(done)).encode() + b"\n")


def _parsed(plain: dict[str, Any]) -> Round:
    present, candidate = (
        {task: Score(**score) for task, score in plain.pop(name).items()} for name in ("present", "candidate")
    )
    return Round(datasets=tuple(plain.pop("datasets")), present=present, candidate=candidate, **plain)
