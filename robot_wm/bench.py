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
from robot_wm.deploy.bundle import default_bundle
from robot_wm.deploy.session import Provider
from robot_wm.evaluation import percentiles

Target = Literal["sim", "encoder", "planner", "transport", "recorder", "kills", "recordings"]
WARM_UP = 5


@dataclass(frozen=True)
class BenchConfig:
    """Times one part.

    Attributes:
        target: "sim" counts environment steps a second with one image a step; "encoder" times one image; "planner"
            times one decision of the flat planner and of the policy alone; "transport" times messages over DDS;
            "recorder" counts what the recorder misses of a camera at 30 Hz and joints at 250 Hz; "kills" kills it at
            random instants and measures what is lost; "recordings" times how one is verified and
            exported.
        repeats: Steps, images, decisions, messages or kills.
        bundle: Model bundle of encoder and planner.
        json: File for the figures.
    """

    target: Annotated[Target, tyro.conf.Positional] = "planner"
    repeats: int = 200
    bundle: Path = field(default_factory=default_bundle)
    provider: Provider = "cpu"
    threads: int = 2
    seed: int = 0
    json: Path | None = None


def run(config: BenchConfig) -> int:
    """Runs the benchmark, prints a table and writes the figures where `config.json` says."""
    rows = BENCHES[config.target](config)
    table = Table("what", *next(iter(rows.values())), title=f"robot-wm bench {config.target}")
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

    rows = {}
    for task in sim.TASKS:
        environment: Any = gymnasium.make(f"robot_wm/Tabletop{task.capitalize()}-v0", disable_env_checker=True)
        environment.reset(seed=config.seed)
        environment.action_space.seed(config.seed)
        seconds = 0.0
        for _ in range(config.repeats):
            action = environment.action_space.sample()
            began = time.perf_counter()
            _, _, terminated, truncated, _ = environment.step(action)
            seconds += time.perf_counter() - began
            if terminated or truncated:
                environment.reset()
        environment.close()
        rows[task] = {"steps_per_s": config.repeats / seconds, "step_ms": 1e3 * seconds / config.repeats}
    return rows


def bench_encoder(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Milliseconds to encode one image."""
    agent = Agent.load(config.bundle, provider=config.provider, threads=config.threads)
    image = _image(agent, np.random.default_rng(config.seed))
    return {"encode_ms": _times(partial(agent.encode, image), config.repeats)}


def bench_planner(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Milliseconds of one decision from a latent, without a deadline."""
    rng = np.random.default_rng(config.seed)
    rows = {}
    for mode in ("flat", "policy"):
        agent = Agent.load(config.bundle, mode=mode, provider=config.provider, threads=config.threads, seed=config.seed)
        agent.set_goal(_image(agent, rng))
        latent = agent.encode(_image(agent, rng))
        middle = np.add(agent.contract.workspace_low, agent.contract.workspace_high) / 2
        state = np.array([*middle, 1.0, 0.0, 0.0, 0.0, 0.0], dtype=np.float32)
        rows[f"{mode}_plan_ms"] = _times(partial(agent.decide, latent, state), config.repeats)
    return rows


def bench_transport(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Figures of `ros_nodes.bench_transport.run(repeats)`: publish to callback, between two processes."""
    return importlib.import_module("ros_nodes.bench_transport").run(config.repeats)


def bench_recorder(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Figures of `ros_nodes.bench_recorder.run(repeats)`."""
    return importlib.import_module("ros_nodes.bench_recorder").run(config.repeats)


def bench_kills(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Figures of `ros_nodes.bench_recorder.run_kills(repeats, seed)`."""
    return importlib.import_module("ros_nodes.bench_recorder").run_kills(config.repeats, config.seed)


def bench_recordings(config: BenchConfig) -> dict[str, dict[str, float]]:
    """Figures of `ros_nodes.bench_export.run(repeats)`."""
    return importlib.import_module("ros_nodes.bench_export").run(config.repeats)


BENCHES: dict[str, Callable[[BenchConfig], dict[str, dict[str, float]]]] = {
    "sim": bench_sim,
    "encoder": bench_encoder,
    "planner": bench_planner,
    "transport": bench_transport,
    "recorder": bench_recorder,
    "kills": bench_kills,
    "recordings": bench_recordings,
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
