"""The demonstration as an animated picture: camera, goal and the planner's energy over time, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ros_nodes.demo_client import Frame

SIZE = (880, 330)
BACKGROUND, INK, GRID, LINE = (250, 250, 252), (40, 44, 52), (218, 221, 228), (26, 115, 204)
OVERVIEW_BOX, GOAL_BOX, PLOT_BOX = (10, 20, 410, 320), (425, 50, 635, 260), (685, 50, 865, 260)


@dataclass(frozen=True)
class Recording:
    """One task's frames, its goal image uint8 (H, W, 3) and how it ended."""

    task: str
    goal: np.ndarray
    frames: Sequence[Frame]
    outcome: str


def write_gif(recordings: Sequence[Recording], path: Path, frame_s: float) -> None:
    """Writes all recordings one after the other; the last frame of each is held for a second."""
    pictures, durations = [], []
    for recording in recordings:
        for index, picture in enumerate(_pictures(recording)):
            pictures.append(picture.quantize(128, dither=Image.Dither.NONE))
            durations.append(1000 if index == len(recording.frames) - 1 else round(frame_s * 1000))
    if pictures:
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=False)


def _pictures(recording: Recording) -> Iterator[Image.Image]:
    energies = [np.nan if frame.energy is None else frame.energy for frame in recording.frames]
    goal = Image.fromarray(recording.goal).resize(_size(GOAL_BOX), Image.Resampling.LANCZOS)
    for index, frame in enumerate(recording.frames):
        picture = Image.new("RGB", SIZE, BACKGROUND)
        draw = ImageDraw.Draw(picture)
        picture.paste(Image.fromarray(frame.overview).resize(_size(OVERVIEW_BOX)), OVERVIEW_BOX[:2])
        picture.paste(goal, GOAL_BOX[:2])
        last = index == len(recording.frames) - 1
        _text(draw, (GOAL_BOX[0], 28), f"{recording.task}: goal image")
        _text(draw, (PLOT_BOX[0], 28), "energy of the plan")
        _text(draw, (GOAL_BOX[0], 285), recording.outcome if last else "planning in the learned world …")
        _plot(draw, energies, index + 1)
        yield picture


def _plot(draw: ImageDraw.ImageDraw, energies: list[float], shown: int) -> None:
    left, top, right, bottom = PLOT_BOX
    for share in np.linspace(0.0, 1.0, 5):
        y = bottom - share * (bottom - top)
        draw.line([(left, y), (right, y)], fill=GRID)
    known = np.array(energies)[np.isfinite(energies)]
    if not known.size:
        return
    low, high = min(0.0, float(known.min())), max(float(known.max()), 1e-6)
    xs = left + np.arange(len(energies)) / max(1, len(energies) - 1) * (right - left)
    ys = bottom - (np.array(energies) - low) / (high - low) * (bottom - top)
    points = [(float(x), float(y)) for x, y in zip(xs[:shown], ys[:shown], strict=True) if np.isfinite(y)]
    if len(points) > 1:
        draw.line(points, fill=LINE, width=3, joint="curve")
    if points:
        x, y = points[-1]
        draw.ellipse([x - 4, y - 4, x + 4, y + 4], fill=LINE)
    _text(draw, (left - 42, top - 6), f"{high:.3g}", size=13)
    _text(draw, (left - 42, bottom - 8), f"{low:.3g}", size=13)
    _text(draw, (left, bottom + 8), "time", size=13)


def _text(draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, size: int = 15) -> None:
    draw.text(corner, text, fill=INK, font=ImageFont.load_default(size))


def _size(box: tuple[int, int, int, int]) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]
