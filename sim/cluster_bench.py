"""How fast a local Ray cluster collects."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from rich.console import Console

from sim.cluster import cluster, collect
from sim.collect import CollectConfig


def run(episodes: int, seed: int) -> dict[str, dict[str, float]]:
    """Episodes a minute of one and of two workers.

    A worker's start counts, the cluster's own does not; it stands beside.

    Args:
        episodes: Episodes of 50 frames that each collects.
    """
    rows, console = {}, Console(quiet=True)
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            config = CollectConfig(Path(folder), episodes=episodes, workers=workers, seed=seed, shard=10)
            began = time.monotonic()
            with cluster("local", workers, console):
                started = time.monotonic()
                collect(config, console)
                ended = time.monotonic()
        figures = {"episodes_per_min": 60 * episodes / (ended - started), "cluster_start_s": started - began}
        rows[f"{workers} worker{'s' if workers > 1 else ''}"] = figures
    return rows
