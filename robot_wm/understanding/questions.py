"""What the probes ask of play: where the tool and the block are, whether they touch, what is going on."""

from __future__ import annotations

import numpy as np

from robot_wm.errors import DatasetError
from robot_wm.understanding.episodes import Episodes
from robot_wm.understanding.probes import Question

AROUND = 3
"""Frames before and after the one that is asked about, for contact and behaviour."""
NEEDED = ("block", "contact", "behaviour")


def questions(episodes: Episodes, held_out: float) -> list[Question]:
    """The questions, with the last share of the episodes held out.

    Positions are asked of single frames; contact of a clip around the frame; behaviour of clips through which one
    behaviour goes on.

    Raises:
        DatasetError: The episodes lack a privileged column, or there are too few to split.
    """
    missing = [name for name in NEEDED if name not in episodes.monitor]
    if missing:
        raise DatasetError(f"probe: the dataset lacks the columns {missing}; collect it with `robot-wm collect`")
    count = len(episodes.starts)
    kept = count - max(1, round(held_out * count))
    if kept < 1:
        raise DatasetError(f"probe: {count} episodes cannot be split into seen and held out; give more")
    alone = episodes.episode >= kept
    frames = np.arange(len(episodes.images))[:, None]
    clips = _clips(episodes)
    middle = clips[:, AROUND]
    behaviour = episodes.monitor["behaviour"]
    steady = (behaviour[clips] == behaviour[middle][:, None]).all(1)
    tool, block = episodes.states[:, :3], episodes.monitor["block"][:, :2]
    contact = episodes.monitor["contact"].astype(np.int64)
    return [
        Question("end effector", "position", frames, tool, alone),
        Question("object", "position", frames, block, alone),
        Question("contact", "class", clips, contact[middle], alone[middle]),
        Question("behaviour", "class", clips[steady], behaviour[middle][steady], alone[middle][steady]),
    ]


def _clips(episodes: Episodes) -> np.ndarray:
    """Rows of all clips that lie within one episode (M, 2 · AROUND + 1)."""
    length = 2 * AROUND + 1
    runs = [
        np.arange(start, start + size - length + 1)
        for start, size in zip(episodes.starts, episodes.lengths, strict=True)
        if size >= length
    ]
    if not runs:
        raise DatasetError(f"probe: no episode has {length} frames; give longer ones")
    return np.concatenate(runs)[:, None] + np.arange(length)
