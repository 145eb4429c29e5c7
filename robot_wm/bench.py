"""Timings of the parts on this machine."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from robot_wm import bench_planner
from robot_wm.bench_encoder import EncoderName, bench_encoder
from robot_wm.deploy.bundle import default_bundle
from robot_wm.deploy.session import Provider
from robot_wm.errors import RobotWmError
from robot_wm.statistics import percentiles

Target = Literal[
    "sim", "encoder", "planner", "levels", "transport", "recorder", "kills", "recordings", "teleop", "cluster"
]
WARM_UP = 5
REPEATS = 200


@dataclass(frozen=True)
class BenchConfig:
    """Times one part.

    Attributes:
        target: "sim" counts environment steps a second with one image a step; "encoder" times onnxruntime, torch and
            transformers on one image or clip; "planner" times one decision of the planners and of the policy alone;
            "levels" measures how well each level of the world model predicts against the horizon; "transport" times
            messages over DDS; "recorder" counts what the recorder misses of a camera at 30 Hz and joints at 250 Hz;
            "kills" kills it at random instants and measures what is lost; "recordings" times how one is verified and
            exported; "teleop" times a person's pose to the joint command, past controller_node and safety_node;
            "cluster" counts the episodes that one and two workers of a local Ray cluster collect.
        config: Which encoder: "small" is the bundle's, the others are V-JEPA 2 on 16 frames with random weights.
        repeats: Steps, images, decisions, episodes of play, messages or kills; None takes 200, or 6 clips of a large
            encoder, or 60 episodes on a cluster.
        bundle: Model bundle of planner, levels and small encoder.
        json: File for the figures.
    """

    target: Annotated[Target, tyro.conf.Positional] = "planner"
    config: EncoderName = "small"
    repeats: int | None = None
    bundle: Path = field(default_factory=default_bundle)
    provider: Provider = "cpu"
    threads: int = 2
    seed: int = 0
    json: Path | None = None
    figure: Path | None = None
    """PNG file for the curves of "levels", and of "planner" with `curves`."""
    curves: bool = False
    """Also times the planner against samples, horizon and levels; needs torch."""
    minutes: float = 0.0
    """Also runs the planner at 10 Hz in the simulator for so long, and counts missed deadlines."""
    memory: bool = False
    """Also measures the peak memory of a process that plans."""
    lewm: bool = False
    """Also times a plan as stable-worldmodel makes it with a LeWM of its published size; needs torch."""


def run(config: BenchConfig) -> int:
    """Runs the benchmark, prints a table and writes the figures where `config.json` says."""
    if config.repeats is not None and config.repeats < 1:
        raise RobotWmError(f"repeats {config.repeats}: expected a positive number")
    rows = BENCHES[config.target](config)
    part = f" {config.config}" if config.target == "encoder" else ""
    columns = list(dict.fromkeys(name for figures in rows.values() for name in figures))
    table = Table("what", *columns, title=f"robot-wm bench {config.target}{part}")
    for what, figures in rows.items():
        table.add_row(what, *(f"{figures[name]:.2f}" if name in figures else "" for name in columns))
    Console().print(table)
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps({config.target: rows}, indent=2) + "\n", encoding="utf-8")
    return 0


def bench_sim(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Environment steps a second, one core, random actions, resets left out."""
    import gymnasium

    import sim

    rows, repeats = {}, config.repeats or REPEATS
    for task in sim.TASKS:
        environment: Any = gymnasium.make(sim.environment_id(task), disable_env_checker=True)
        environment.reset(seed=config.seed)
        environment.action_space.seed(config.seed)
        seconds = 0.0
        for _ in range(repeats):
            action = environment.action_space.sample()
            began = time.perf_counter()
            _, _, terminated, truncated, _ = environment.step(action)
            seconds += time.perf_counter() - began
            if terminated or truncated:
                environment.reset()
        environment.close()
        rows[task] = {"steps_per_s": repeats / seconds, "step_ms": 1e3 * seconds / repeats}
    return rows


def encoder(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Figures of `robot_wm.bench_encoder`."""
    return bench_encoder(
        config.config,
        bundle=config.bundle,
        provider=config.provider,
        threads=config.threads,
        repeats=config.repeats,
        seed=config.seed,
    )


def planner(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Milliseconds of one decision from a latent, without a deadline, and what else `config` asks for.

    `cpu` is the processor time of a decision, which other programs on a busy computer change little.
    """
    options: dict[str, Any] = {"threads": config.threads, "seed": config.seed}
    repeats = config.repeats or REPEATS
    rows = {
        f"{mode}_plan_ms": _times(decide, repeats)
        for mode, decide in bench_planner.decisions(config.bundle, provider=config.provider, **options)
    }
    if config.curves:
        for samples, decide in bench_planner.by_samples(config.bundle, **options):
            rows[f"samples {samples}"] = _times(decide, repeats)
        for horizon, decide in bench_planner.by_horizon(config.bundle, **options):
            rows[f"horizon {horizon}"] = _times(decide, repeats)
        rows["levels 1"] = rows["flat_plan_ms"]
        if "hierarchical_plan_ms" in rows:
            rows["levels 2"] = rows["hierarchical_plan_ms"]
        if config.figure is not None:
            bench_planner.draw_curves(rows, config.figure)
    if config.minutes:
        rows["loop_10_hz"] = bench_planner.closed_loop(config.bundle, minutes=config.minutes, **options)
    if config.memory:
        rows["process"] = {"peak_memory_mb": bench_planner.peak_memory_mb(config.bundle, **options)}
    if config.lewm:
        theirs = importlib.import_module("robot_wm.bench_lewm").plan_seconds(7, config.threads, config.seed)
        ours = rows["flat_plan_ms"]
        rows["lewm_cem"] = {
            "p50": 1e3 * theirs["wall_s"],
            "cpu": 1e3 * theirs["cpu_s"],
            "times_flat": 1e3 * theirs["wall_s"] / ours["p50"],
            "times_flat_cpu": 1e3 * theirs["cpu_s"] / ours["cpu"],
        }
    return rows


def bench_levels(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Figures of `sim.level_bench.run`, and their curves where `config.figure` says."""
    return importlib.import_module("sim.level_bench").run(
        config.bundle, episodes=config.repeats, seed=config.seed, threads=config.threads, figure=config.figure
    )


def bench_transport(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Figures of `ros_nodes.bench_transport.run(repeats)`: publish to callback, between two processes."""
    return importlib.import_module("ros_nodes.bench_transport").run(config.repeats or REPEATS)


def bench_recorder(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Figures of `ros_nodes.bench_recorder.run(repeats)`."""
    return importlib.import_module("ros_nodes.bench_recorder").run(config.repeats or REPEATS)


def bench_kills(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Figures of `ros_nodes.bench_recorder.run_kills(repeats, seed)`."""
    return importlib.import_module("ros_nodes.bench_recorder").run_kills(config.repeats or REPEATS, config.seed)


def bench_recordings(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Figures of `ros_nodes.bench_export.run(repeats)`."""
    return importlib.import_module("ros_nodes.bench_export").run(config.repeats or REPEATS)


def bench_teleop(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Figures of `ros_nodes.bench_teleop.run(repeats)`."""
    return importlib.import_module("ros_nodes.bench_teleop").run(config.repeats or REPEATS)


def bench_cluster(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Figures of `sim.cluster_bench.run(repeats, seed)`."""
    return importlib.import_module("sim.cluster_bench").run(config.repeats or 60, config.seed)


BENCHES: dict[str, Callable[[BenchConfig], dict[str, dict[str, float]]]] = {
    "sim": bench_sim,
    "encoder": encoder,
    "planner": planner,
    "levels": bench_levels,
    "transport": bench_transport,
    "recorder": bench_recorder,
    "kills": bench_kills,
    "recordings": bench_recordings,
    "teleop": bench_teleop,
    "cluster": bench_cluster,
}


def _times(call: Callable[[], object], repeats: int) -> dict[str, float]:
    for _ in range(WARM_UP):
        call()
    values = []
    cpu = time.process_time()
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        values.append(1e3 * (time.perf_counter() - began))
    cpu = time.process_time() - cpu
    return percentiles(values) | {"mean": float(np.mean(values)), "cpu": 1e3 * cpu / repeats}
