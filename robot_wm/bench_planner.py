"""What planning costs: time of a decision, its growth, memory, and deadlines kept in a closed loop."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from robot_wm.actor.settings import PlannerSettings
from robot_wm.agent import Agent
from robot_wm.deploy.bundle import Bundle, load_bundle
from robot_wm.deploy.ensemble_session import has_ensemble
from robot_wm.deploy.session import OnnxWorldModel, open_session
from robot_wm.errors import RobotWmError
from robot_wm.pursuit import Mode
from robot_wm.statistics import percentiles
from robot_wm.tuned import planner_settings

Rows = dict[str, dict[str, float]]
Decide = Callable[[], object]

SAMPLES = (32, 64, 128, 256, 512)
HORIZONS = (2, 4, 8, 16)
LOOP_S = 0.1
MEMORY_DECISIONS = 30


def decisions(bundle: Path, *, provider: str, threads: int, seed: int) -> Iterator[tuple[str, Decide]]:
    """Of each mode, and of the flat one without the uncertainty term: its name and a decision from a latent."""
    opened = load_bundle(bundle)
    settings = _settings(opened)
    modes: tuple[Mode, ...] = ("flat", "policy")
    if opened.slow is not None:
        modes = ("flat", "hierarchical", "policy")
    for mode in modes:
        agent = Agent.load(opened, mode=mode, provider=provider, threads=threads, seed=seed, settings=settings)
        yield mode, decision(agent, seed)
    if has_ensemble(opened):
        certain = Agent(OnnxWorldModel(opened, provider=provider, threads=threads), seed=seed, settings=settings)
        yield "flat_certain", decision(certain, seed)


def decision(agent: Agent, seed: int) -> Decide:
    """A decision of an agent in the middle of the workspace, from random pictures."""
    rng = np.random.default_rng(seed)
    agent.set_goal(_image(agent, rng))
    latent = agent.encode(_image(agent, rng))
    middle = np.add(agent.contract.workspace_low, agent.contract.workspace_high) / 2
    state = np.array([*middle, 1.0, 0.0, 0.0, 0.0, 0.0], dtype=np.float32)
    return partial(agent.decide, latent, state)


def by_samples(bundle: Path, *, threads: int, seed: int) -> Iterator[tuple[int, Decide]]:
    """Flat decisions with more and more candidates in each iteration."""
    opened = load_bundle(bundle)
    settings = _settings(opened)
    for samples in SAMPLES:
        fewer = replace(settings, samples=samples, elites=min(settings.elites, samples))
        yield samples, decision(Agent.load(opened, threads=threads, seed=seed, settings=fewer), seed)


def by_horizon(bundle: Path, *, threads: int, seed: int) -> Iterator[tuple[int, Decide]]:
    """Flat decisions that look further and further ahead, without the policy, whose chunks have one length.

    The predictor of each horizon has the bundle's size and random weights, which do not change the time; needs torch.
    """
    opened = load_bundle(bundle)
    settings = replace(_settings(opened), begin="last", prior_weight=0.0)
    for horizon in HORIZONS:
        model = OnnxWorldModel(opened, threads=threads)
        model.horizon = horizon
        model._sessions["predictor"] = open_session(_predictor(opened, horizon), "predictor.onnx", threads=threads)
        yield horizon, decision(Agent(model, seed=seed, settings=settings), seed)


def _predictor(bundle: Bundle, horizon: int) -> bytes:
    import torch

    from robot_wm.deploy.graphs import export_graph
    from robot_wm.world_model.predictor import Predictor
    from robot_wm.world_model.scaling import Scaling

    if "model_config.json" not in bundle.files:
        raise RobotWmError(f"{bundle.path}: has no model_config.json, which says how large the predictor is")
    config = json.loads(bundle.read("model_config.json"))
    module = Predictor(bundle.tokens, bundle.channels, Scaling(), config["width"], config["depth"])
    latent, state = torch.zeros(1, bundle.tokens, bundle.channels), torch.zeros(1, 8)
    inputs = {"latent": latent, "state": state, "actions": torch.zeros(3, horizon, 7)}
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "predictor.onnx"
        export_graph(module, file, inputs, ["latents"], free="actions")
        return file.read_bytes()


def peak_memory_mb(bundle: Path, *, threads: int, seed: int) -> float:
    """Peak resident memory of a process that plans on both levels and has what `planner_node` imports, in MB."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_peak_memory_mb, bundle, threads, seed).result()


def _peak_memory_mb(bundle: Path, threads: int, seed: int) -> float:
    importlib.import_module("ros_nodes.planner_node")
    decide = decision(_best(bundle, threads, seed), seed)
    for _ in range(MEMORY_DECISIONS):
        decide()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def closed_loop(bundle: Path, *, minutes: float, threads: int, seed: int) -> dict[str, float]:
    """Ten decisions a second in the simulator's pushing task, each of them an image encoded and a plan.

    Returns:
        `decisions`, `missed_percent` of them that came late, or had another stand in for the plan, and the percentiles
        of the time of a decision in milliseconds.
    """
    import gymnasium

    import sim

    environment: Any = gymnasium.make(sim.environment_id("push"), disable_env_checker=True)
    agent = _best(bundle, threads, seed)
    observation, _ = environment.reset(seed=seed)
    agent.set_goal(observation["goal"])
    taken: list[float] = []
    missed, due = 0, time.monotonic()
    while len(taken) < round(60 * minutes / LOOP_S):
        time.sleep(max(0.0, due - time.monotonic()))
        began = time.monotonic()
        chosen = agent.act(observation["image"], observation["state"], deadline_s=LOOP_S)
        taken.append(time.monotonic() - began)
        missed += taken[-1] > LOOP_S or chosen.fallback != ""
        observation, _, ended, cut, _ = environment.step(chosen.actions[0])
        if ended or cut:
            observation, _ = environment.reset()
            agent.set_goal(observation["goal"])
        due = max(due + LOOP_S, time.monotonic() - LOOP_S)
    environment.close()
    counted = {"decisions": float(len(taken)), "missed_percent": 100 * missed / len(taken)}
    return counted | percentiles([1e3 * seconds for seconds in taken])


def draw_curves(rows: Rows, file: Path) -> None:
    """Time of a decision against samples, horizon and levels, as PNG, each beside straight growth from its first."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    curves = {
        what: [(float(name.split()[1]), row["p50"]) for name, row in rows.items() if name.split()[0] == what]
        for what in ("samples", "horizon", "levels")
    }
    canvas, axes = pyplot.subplots(1, len(curves), figsize=(11, 3.2))
    for axis, (what, points) in zip(axes, curves.items(), strict=True):
        across, times = np.array(points).T
        axis.plot(across, times, marker="o", label="measured")
        axis.plot(across, times[0] * across / across[0], "--", color="grey", label="in proportion")
        axis.set(xlabel=what, ylabel="ms of a decision, p50", ylim=(0, 1.3 * times.max()))
        axis.grid(alpha=0.3)
    axes[0].legend()
    canvas.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(file, dpi=90)
    pyplot.close(canvas)


def _best(bundle: Path, threads: int, seed: int) -> Agent:
    """The agent that plans on all levels that the bundle has."""
    opened = load_bundle(bundle)
    mode: Mode = "flat" if opened.slow is None else "hierarchical"
    return Agent.load(opened, mode=mode, threads=threads, seed=seed)


def _settings(bundle: Bundle) -> PlannerSettings:
    """The bundle's settings, but every decision searches: none backs off."""
    return replace(planner_settings(bundle), retreat=0)


def _image(agent: Agent, rng: np.random.Generator) -> np.ndarray:
    camera = agent.contract.camera
    return rng.integers(0, 256, (camera.height, camera.width, 3), dtype=np.uint8)
