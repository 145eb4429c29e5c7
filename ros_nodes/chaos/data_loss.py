"""How much of a recording a kill loses."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import numpy as np
from mcap.exceptions import McapError
from mcap.stream_reader import StreamReader

from ros_nodes.chaos.observer import Observer
from ros_nodes.chaos.system import System
from ros_nodes.robot_config import RobotConfig


def worst_loss_ms(kills: int, seed: int) -> float:
    """Kills a recorder at random instants; the longest time before a kill that its file does not hold, milliseconds."""
    rng, domain = np.random.default_rng(seed), random.SystemRandom().randrange(1, 100)
    with tempfile.TemporaryDirectory(prefix="robot_wm_chaos_") as folder:
        system = System(Path(folder), domain)
        try:
            with Observer(domain, RobotConfig.load("panda_sim")) as observer:
                system.start("sim_node")
                observer.until(lambda: observer.speeds, 60.0, system.tail("sim_node"))
                return max(_one_kill(system, observer, Path(folder) / f"bags{kill}", rng) for kill in range(kills))
        finally:
            system.stop_all()


def _one_kill(system: System, observer: Observer, folder: Path, rng: np.random.Generator) -> float:
    system.start("recorder_node", folder=folder, topics="[joint_states]")
    observer.until(lambda: any(folder.glob("*/*.mcap")), 60.0, system.tail("recorder_node"))
    observer.until(lambda: sum(f.stat().st_size for f in folder.glob("*/*.mcap")) > 20_000, 60.0, "nothing is recorded")
    time.sleep(float(rng.uniform(0.0, 1.0)))
    killed_ns = time.time_ns()
    system.kill("recorder_node")
    return (killed_ns - _last_time_ns(next(folder.glob("*/*.mcap")))) * 1e-6


def _last_time_ns(file: Path) -> int:
    """When the last message that can be read arrived."""
    last_ns = 0
    with file.open("rb") as stream:
        try:
            for record in StreamReader(stream).records:
                last_ns = max(last_ns, getattr(record, "log_time", 0))
        except (McapError, EOFError):
            pass
    return last_ns
