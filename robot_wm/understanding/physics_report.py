"""The report of `robot-wm physics`: a table in Markdown and a figure of surprise over time beside the frames."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from robot_wm.understanding.physics import Scored
    from sim.violations import Pair

SHOWN_EVERY = 2
BLUE, RED = "#2a6fb0", "#c0392b"


def write_report(
    out: Path, report: Mapping[str, Any], examples: Mapping[str, Pair], scores: Mapping[str, Scored]
) -> None:
    """Writes `report.md` and `surprise.png` into the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    draw_surprise(out / "surprise.png", examples, scores)
    rows = [
        f"| {category} | {row['pairwise_accuracy']:.2f} | {row['ci95'][0]:.2f}–{row['ci95'][1]:.2f} "
        f"| {row['untrained_pairwise_accuracy']:.2f} | {row['pairs']} |"
        for category, row in report["categories"].items()
    ]
    mean, untrained = report["mean_pairwise_accuracy"], report["untrained_mean_pairwise_accuracy"]
    text = [
        "# Surprise at the impossible",
        "",
        "Share of matched pairs in which the impossible clip surprises more than the possible one; 0.5 is chance.",
        f"Seed {report['seed']}, bundle {report['bundle_sha256'][:12]}. Untrained: the same architecture with random "
        "weights. The interval is Wilson's of 95 %; two pairs share a scene.",
        "",
        "| category | pairwise accuracy | 95 % | untrained | pairs |",
        "| --- | --- | --- | --- | --- |",
        *rows,
        f"| **mean** | **{mean:.3f}** | | **{untrained:.3f}** | |",
        "",
        "![Frames of a pair of each category, and the surprise over time](surprise.png)",
        "",
        "*Of each category the first pair: frames of the possible clip (above) and of the impossible one (below), and "
        "the surprise at each frame. The dotted line is where the clips begin to differ.*",
    ]
    (out / "report.md").write_text("\n".join(text) + "\n", encoding="utf-8")


def draw_surprise(file: Path, examples: Mapping[str, Pair], scores: Mapping[str, Scored]) -> None:
    """Draws a row a category: the frames of its first pair, and the surprise at each of them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        len(examples), 2, figsize=(15, 2.1 * len(examples)), width_ratios=(3, 1), squeeze=False
    )
    for (strip, curve), (category, pair) in zip(axes, examples.items(), strict=True):
        clips = (pair.possible, pair.impossible)
        strip.imshow(np.concatenate([np.concatenate(list(clip[::SHOWN_EVERY]), axis=1) for clip in clips]))
        strip.set_title(category, fontsize=10, loc="left")
        strip.axis("off")
        scored = scores[category]
        frames = np.arange(scored.possible.shape[1])
        curve.plot(frames, scored.possible[0], color=BLUE, label="possible")
        curve.plot(frames, scored.impossible[0], color=RED, label="impossible")
        curve.axvline(pair.violated, color="0.5", linestyle=":", linewidth=1)
        curve.tick_params(labelsize=7)
        curve.set_ylabel("surprise", fontsize=8)
        curve.grid(alpha=0.3)
    axes[0, 1].legend(fontsize=7, frameon=False)
    axes[-1, 1].set_xlabel("frame", fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=90)
    pyplot.close(figure)
