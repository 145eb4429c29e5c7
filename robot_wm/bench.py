"""Timings of the parts on this machine."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from robot_wm.agent import Agent
from robot_wm.bench_encoder import EncoderName, bench_encoder
from robot_wm.deploy.bundle import default_bundle, load_bundle
from robot_wm.deploy.session import Provider
from robot_wm.errors import RobotWmError
from robot_wm.evaluation import percentiles
from robot_wm.pursuit import Mode

Target = Literal["sim", "encoder", "planner", "levels", "transport", "recorder", "kills", "recordings", "cluster"]
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
            exported; "cluster" counts the episodes that one and two workers of a local Ray cluster collect.
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
    """PNG file for the curves of "levels"."""


def run(config: BenchConfig) -> int:
    """Runs the benchmark, prints a table and writes the figures where `config.json` says."""
    if config.repeats is not None and config.repeats < 1:
        raise RobotWmError(f"repeats {config.repeats}: expected a positive number")
    rows = BENCHES[config.target](config)
    part = f" {config.config}" if config.target == "encoder" else ""
    table = Table("what", *next(iter(rows.values())), title=f"robot-wm bench {config.target}{part}")
    for what, figures in rows.items():
        table.add_row(what, *(f"{value:.2f}" for value in figures.values()))
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


def bench_planner(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Milliseconds of one decision from a latent, without a deadline."""
    rng = np.random.default_rng(config.seed)
    rows = {}
    modes: tuple[Mode, ...] = ("flat", "policy")
    if load_bundle(config.bundle).slow is not None:
        modes = ("flat", "hierarchical", "policy")
    for mode in modes:
        agent = Agent.load(config.bundle, mode=mode, provider=config.provider, threads=config.threads, seed=config.seed)
        agent.set_goal(_image(agent, rng))
        latent = agent.encode(_image(agent, rng))
        middle = np.add(agent.contract.workspace_low, agent.contract.workspace_high) / 2
        state = np.array([*middle, 1.0, 0.0, 0.0, 0.0, 0.0], dtype=np.float32)
        rows[f"{mode}_plan_ms"] = _times(partial(agent.decide, latent, state), config.repeats or REPEATS)
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


def bench_cluster(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Figures of `sim.cluster_bench.run(repeats, seed)`."""
    return importlib.import_module("sim.cluster_bench").run(config.repeats or 60, config.seed)


BENCHES: dict[str, Callable[[BenchConfig], dict[str, dict[str, float]]]] = {
    "sim": bench_sim,
    "encoder": encoder,
    "planner": bench_planner,
    "levels": bench_levels,
    "transport": bench_transport,
    "recorder": bench_recorder,
    "kills": bench_kills,
    "recordings": bench_recordings,
    "cluster": bench_cluster,
}


def _image(agent: Agent, rng: np.random.Generator) -> np.ndarray:
    camera = agent.contract.camera
    return rng.integers(0, 256, (camera.height, camera.width, 3), dtype=np.uint8)


def _times(call: Callable[[], object], repeats: int) -> dict[str, float]:
    for _ in range(WARM_UP):
        call()
    values = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        values.append(1e3 * (time.perf_counter() - began))
    return percentiles(values) | {"mean": float(np.mean(values))}
