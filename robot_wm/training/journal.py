"""What a run writes down: a CSV per stage, event files for TensorBoard, and one picture of all curves."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Journal:
    """Rows of numbers by step, in `<stage>.csv`; rows after a resumed step are dropped, not doubled.

    Args:
        directory: Of the run.
        stage: Name of the stage.
        from_step: First step that will be added.
        tensorboard: Whether TensorBoard gets the same numbers, in `directory/tensorboard`.
    """

    def __init__(self, directory: Path, stage: str, from_step: int, tensorboard: bool = False) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / f"{stage}.csv"
        self._rows = [row for row in read(self._path) if int(row["step"]) < from_step]
        self._events = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._events = SummaryWriter(str(directory / "tensorboard" / stage), purge_step=from_step)

    def add(self, step: int, values: dict[str, float]) -> None:
        """Appends a row; a kill at any instant leaves the rows before it."""
        self._rows.append({"step": str(step)} | {name: f"{value:.6g}" for name, value in values.items()})
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(self._rows)
        partial = self._path.with_suffix(".partial")
        with partial.open("w", newline="", encoding="utf-8") as file:
            file.write(text.getvalue())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
        if self._events is not None:
            for name, value in values.items():
                self._events.add_scalar(name, value, step)

    def close(self) -> None:
        """Writes what TensorBoard's buffer still holds."""
        if self._events is not None:
            self._events.close()


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a journal, empty when it does not exist."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def progress_bar(*, disable: bool) -> Progress:
    """Progress of a stage on the terminal."""
    return Progress(
        TextColumn("{task.description:>9}"),
        BarColumn(30),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        disable=disable,
    )


def draw_curves(directory: Path, stages: list[str]) -> None:
    """Draws every column of every stage's journal against its step into `curves.png`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    journals = [(stage, rows) for stage in stages if (rows := read(directory / f"{stage}.csv"))]
    panels = [(stage, name, rows) for stage, rows in journals for name in rows[-1] if name != "step"]
    if not panels:
        return
    columns = 5
    figure, axes = pyplot.subplots(
        -(-len(panels) // columns), columns, figsize=(16, 2.4 * -(-len(panels) // columns)), squeeze=False
    )
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    for axis, (stage, name, rows) in zip(axes.flat, panels, strict=False):
        points = [(int(row["step"]), float(row[name])) for row in rows if row.get(name)]
        axis.plot(*zip(*points, strict=True), linewidth=1.2)
        axis.set_title(f"{stage}: {name}", fontsize=9)
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(directory / "curves.png", dpi=80)
    pyplot.close(figure)
