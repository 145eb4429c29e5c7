"""What a run writes down: a CSV per stage and one picture of all curves."""

from __future__ import annotations

import csv
from pathlib import Path


class Journal:
    """Rows of numbers by step, appended to `<stage>.csv`; rows after a resumed step are dropped, not doubled."""

    def __init__(self, directory: Path, stage: str, from_step: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / f"{stage}.csv"
        self._rows = [row for row in read(self._path) if int(row["step"]) < from_step]

    def add(self, step: int, values: dict[str, float]) -> None:
        """Appends a row and writes the file."""
        self._rows.append({"step": str(step)} | {name: f"{value:.6g}" for name, value in values.items()})
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        with self._path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self._rows)


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a journal, empty when it does not exist."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


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
