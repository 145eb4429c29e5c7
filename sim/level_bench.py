"""How well each level of a bundle's world model predicts, on fresh play, against the horizon."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from robot_wm.deploy.bundle import load_bundle
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.deploy.slow_session import OnnxSlowLevel
from robot_wm.level_report import Windows, level_report
from sim.play import play_episode

STRIDES = 5
RANDOMIZED = 0.6
"""Share of randomised episodes, as `robot-wm collect` plays them by default."""


def run(bundle: Path, *, episodes: int, seed: int, threads: int, figure: Path | None) -> dict[str, dict[str, float]]:
    """`level_report` of a bundle with a slow level on fresh pushing play; BundleError when it has none."""
    opened = load_bundle(bundle)
    fast, slow = OnnxWorldModel(opened, threads=threads), OnnxSlowLevel(opened, threads=threads)
    rng = np.random.default_rng(seed)
    rows = level_report(fast, slow, fresh_windows(fast, slow.stride, episodes, rng), rng)
    if figure is not None:
        draw(rows, figure)
    return rows


def fresh_windows(fast: OnnxWorldModel, stride: int, episodes: int, rng: np.random.Generator) -> Windows:
    """One window of `STRIDES` strides from each of so many episodes of play."""
    steps = stride * STRIDES
    latents, states, actions, tools, blocks = [], [], [], [], []
    for _ in range(episodes):
        episode = play_episode("push", int(rng.integers(2**31)), steps + 1, RANDOMIZED)
        latents.append(fast.encode(episode.images[::stride]))
        states.append(episode.states[0])
        actions.append(episode.actions[:steps])
        tools.append(episode.states[::stride, :3])
        blocks.append(episode.monitor["block"][::stride, :2])
    places = {"ee": np.stack(tools), "block": np.stack(blocks)}
    return Windows(np.stack(latents), np.stack(states), np.stack(actions), places)


def draw(rows: dict[str, dict[str, float]], file: Path) -> None:
    """Curves of every figure against the horizon, one line for each level, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figures = list(next(iter(rows.values())))
    canvas, axes = pyplot.subplots(1, len(figures), figsize=(3.4 * len(figures), 3), squeeze=False)
    for axis, name in zip(axes.flat, figures, strict=True):
        for level in dict.fromkeys(key.split()[0] for key in rows):
            points = [(int(key.split()[1]), row[name]) for key, row in rows.items() if key.split()[0] == level]
            axis.plot(*zip(*points, strict=True), marker="o", label=f"{level} level")
        axis.set_title(name.replace("_mm", ", mm"))
        axis.set_xlabel("horizon, steps")
        axis.grid(alpha=0.3)
    axes[0, 0].legend()
    canvas.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(file, dpi=90)
    pyplot.close(canvas)
