"""One decision drawn: pictures, candidates' ways and energies, and each cost term's share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robot_wm.decision import Decision

WAYS = 150
"""Candidates whose ways are drawn, evenly from the best to the worst."""


@dataclass(frozen=True)
class Explanation:
    """What a decision rested on.

    Attributes:
        seen: Picture uint8 (H, W, 3) that was decided from.
        goal: Picture uint8 (H, W, 3) of the goal.
        subgoal: Drawing (H, W, 3) of the sub-goal; None without one.
        expected: Drawing (H, W, 3) of where the chosen chunk leads; None without a decoder.
        start: Measured state (8,).
        states: (C, H, 8) of all candidates, iteration after iteration.
        shares: Weighted energies (C,) of all candidates, by the term's name.
    """

    decision: Decision
    seen: np.ndarray
    goal: np.ndarray
    subgoal: np.ndarray | None
    expected: np.ndarray | None
    start: np.ndarray
    states: np.ndarray
    shares: dict[str, np.ndarray]

    @property
    def totals(self) -> np.ndarray:
        """Energies (C,) of the candidates."""
        return np.sum(list(self.shares.values()), axis=0)

    @property
    def chosen_shares(self) -> dict[str, float]:
        """Each term's share of the chosen candidate's energy."""
        best = int(np.argmin(self.totals))
        return {name: float(energies[best]) for name, energies in self.shares.items()}


def draw(explanation: Explanation, file: Path) -> None:
    """Writes the explanation as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    canvas, axes = pyplot.subplots(2, 4, figsize=(15, 7.2))
    decision = explanation.decision
    canvas.suptitle(
        f"{decision.status}, {decision.situation}: {decision.steps_to_go:.1f} steps to go, energy "
        f"{decision.energy:.1f} {decision.reason}"
    )
    pictures = {
        "seen": explanation.seen,
        "goal": explanation.goal,
        "sub-goal": explanation.subgoal,
        "where the plan leads": explanation.expected,
    }
    for axis, (title, picture) in zip(axes[0], pictures.items(), strict=True):
        _show(axis, title, picture)
    order = np.argsort(explanation.totals)
    _draw_ways(axes[1, 0], explanation, order, (1, 0), ("y, m", "x, m"))
    axes[1, 0].invert_xaxis()
    _draw_ways(axes[1, 1], explanation, order, (1, 2), ("y, m", "z, m"))
    axes[1, 1].invert_xaxis()
    _draw_energies(axes[1, 2], explanation, order)
    _draw_shares(axes[1, 3], explanation, order)
    canvas.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(file, dpi=90)
    pyplot.close(canvas)


def _show(axis: Any, title: str, picture: np.ndarray | None) -> None:
    axis.set_title(title)
    axis.set_axis_off()
    if picture is None:
        axis.text(0.5, 0.5, "none", ha="center", va="center", transform=axis.transAxes)
    else:
        axis.imshow(picture)


def _draw_ways(
    axis: Any, explanation: Explanation, order: np.ndarray, plane: tuple[int, int], labels: tuple[str, str]
) -> None:
    """The tool's ways in a plane: better candidates are darker, the chosen one is red."""
    from matplotlib import colormaps

    across, up = plane
    start = explanation.start[:3]
    drawn = order[np.unique(np.linspace(0, len(order) - 1, min(WAYS, len(order))).astype(int))][::-1]
    for rank, candidate in enumerate(drawn):
        way = np.vstack([start, explanation.states[candidate, :, :3]])
        shade = colormaps["Greys"](0.15 + 0.6 * rank / len(drawn))
        axis.plot(way[:, across], way[:, up], color=shade, linewidth=0.6)
    chosen = np.vstack([start, explanation.decision.poses[:, :3]])
    axis.plot(chosen[:, across], chosen[:, up], color="tab:red", marker="o", markersize=3, label="chosen")
    axis.plot(start[across], start[up], "k*", markersize=10, label="tool")
    axis.set(xlabel=labels[0], ylabel=labels[1], title="imagined ways of the tool")
    axis.set_aspect("equal", adjustable="datalim")
    axis.legend(loc="best", fontsize=7)


def _draw_energies(axis: Any, explanation: Explanation, order: np.ndarray) -> None:
    totals = explanation.totals
    axis.plot(np.arange(len(totals)), totals, ".", color="grey", markersize=3)
    axis.plot(order[0], totals[order[0]], "o", color="tab:red", label=f"chosen, {totals[order[0]]:.1f}")
    axis.set(xlabel="candidate, in the order of the search", ylabel="energy", title="energies of the candidates")
    finite = totals[np.isfinite(totals)]
    axis.set_ylim(finite.min() - 0.05 * np.ptp(finite) - 1e-3, np.quantile(finite, 0.98) + 1e-3)
    axis.legend(fontsize=7)


def _draw_shares(axis: Any, explanation: Explanation, order: np.ndarray) -> None:
    """Each term's part of the energy: of the chosen candidate, of the best tenth, and of the median one."""
    groups = {
        "chosen": order[:1],
        "best tenth": order[: max(1, len(order) // 10)],
        "median": order[len(order) // 2 : len(order) // 2 + 1],
    }
    bottom = np.zeros(len(groups))
    for name, energies in explanation.shares.items():
        heights = np.array([energies[group].mean() for group in groups.values()])
        axis.bar(list(groups), heights, bottom=bottom, label=name)
        bottom += heights
    axis.set(ylabel="energy", title="each term's share")
    axis.legend(fontsize=7)
