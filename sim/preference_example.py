"""The example of docs/preference.md: "keep the object away from the left edge", learned from 100 judged pairs."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import gymnasium
import numpy as np
from rich.console import Console
from rich.table import Table

import sim
from robot_wm.agent import Agent
from robot_wm.data.cache import CachedDataset, load_cached
from robot_wm.data.judgements import Clip, Judgement, write_judgements
from robot_wm.deploy.bundle import load_bundle
from robot_wm.deploy.staging import replacing
from robot_wm.errors import RobotWmError
from robot_wm.evaluation import episode_seed
from robot_wm.preference import PreferConfig, learn
from robot_wm.statistics import wilson_interval
from robot_wm.tuned import planner_settings
from sim.collect import CollectConfig
from sim.collect import run as collect

EDGE_M = -0.04
"""Left of this, seen from the camera, the judge begins to mind; blocks lie between -0.17 and 0.17 m."""
EPISODES, JUDGED_ON = 60, 40
"""Episodes of play, and how many of them the pairs to learn from come from; those to test on come from the others."""
PAIRS, LENGTH, LEAST_M = 100, 8, 0.01
WEIGHT = 4.0


@dataclass(frozen=True)
class Pushed:
    """One episode of push: whether it succeeded, and the block's way (T, 3), metres."""

    success: bool
    way: np.ndarray


def run(config: PreferConfig, console: Console) -> int:
    """Plays, judges, learns, and pushes with and without the preference; all is in `config.out` then."""
    bundle, weight = config.out / "bundle", config.weight or WEIGHT
    if collect(CollectConfig(config.out / "play", episodes=EPISODES, seed=config.seed, randomize=0.0)):
        return 130
    with replacing(bundle) as staged:
        shutil.copytree(config.bundle, staged, dirs_exist_ok=True)
    data, rng = load_cached(config.out / "play"), np.random.default_rng(config.seed)
    judged, tested = (_judge(data, range(*part), rng) for part in ((0, JUDGED_ON), (JUDGED_ON, EPISODES)))
    write_judgements(config.out / "pairs.jsonl", judged)
    write_judgements(config.out / "test.jsonl", tested)
    at = [
        [replace(pair, better=_at(pair.better, config.out), worse=_at(pair.worse, config.out)) for pair in part]
        for part in (judged, tested)
    ]
    _, figures = learn(replace(config, bundle=bundle, weight=weight), *at)
    console.print_json(json.dumps(figures))
    pushed = {w: [_push(bundle, w, config.seed, i) for i in range(config.trials)] for w in (0.0, weight)}
    report = {f"weight {w:g}": _figures(episodes, pushed[0.0]) for w, episodes in pushed.items()}
    (config.out / "example.json").write_text(
        json.dumps({"learned": figures} | report, indent=2) + "\n", encoding="utf-8"
    )
    table = Table("push", *next(iter(report.values())))
    for name, row in report.items():
        table.add_row(name, *(f"{value:.3f}" for value in row.values()))
    console.print(table)
    return 0


def _judge(data: CachedDataset, episodes: range, rng: np.random.Generator) -> list[Judgement]:
    """Pairs of random clips; the better one has the block less to the left, by its true position."""
    found: list[Judgement] = []
    for _ in range(1000 * PAIRS):
        clips = [_clip(data, int(rng.choice(episodes)), rng) for _ in range(2)]
        minded = [_minded(data, clip) for clip in clips]
        if abs(minded[0] - minded[1]) < LEAST_M:
            continue
        better, worse = np.argsort(minded)
        found.append(Judgement(clips[better], clips[worse]))
        if len(found) == PAIRS:
            return found
    raise RobotWmError(f"prefer: play shows only {len(found)} pairs to judge; another --seed may show more")


def _clip(data: CachedDataset, episode: int, rng: np.random.Generator) -> Clip:
    return Clip("play", episode, int(rng.integers(data.lengths[episode] - LENGTH + 1)), LENGTH)


def _minded(data: CachedDataset, clip: Clip) -> float:
    """How far left of the edge the block is, on average over a clip, metres."""
    first = data.starts[clip.episode] + clip.start
    return _left(data.monitor["block"][first : first + clip.length])


def _left(way: np.ndarray) -> float:
    return float(np.maximum(0.0, EDGE_M - way[:, 1]).mean())


def _at(clip: Clip, folder: Path) -> Clip:
    return replace(clip, dataset=str(folder / clip.dataset))


def _push(bundle: Path, weight: float, seed: int, index: int) -> Pushed:
    opened = load_bundle(bundle)
    settings = replace(planner_settings(opened), preference_weight=weight)
    agent = Agent.load(opened, settings=settings, threads=1)
    environment = gymnasium.make(sim.environment_id("push"), disable_env_checker=True)
    number = episode_seed(seed, index)
    try:
        observation, info = environment.reset(seed=number)
        agent.reset(number)
        agent.set_goal(observation["goal"])
        way, terminated, truncated = [info["block"]], False, False
        while not (terminated or truncated):
            decision = agent.act(observation["image"], observation["state"])
            observation, _, terminated, truncated, info = environment.step(decision.actions[0])
            way.append(info["block"])
    finally:
        environment.close()
    return Pushed(bool(info["success"]), np.stack(way))


def _figures(episodes: list[Pushed], without: list[Pushed]) -> dict[str, float]:
    """Success with its interval, how far left the block was, and how far its ways are from those `without`."""
    low, high = wilson_interval(sum(episode.success for episode in episodes), len(episodes))
    apart = [_apart(one.way, other.way) for one, other in zip(episodes, without, strict=True)]
    return {
        "success": float(np.mean([episode.success for episode in episodes])),
        "low": low,
        "high": high,
        "left_mm": 1e3 * float(np.mean([_left(episode.way) for episode in episodes])),
        "left_share": float(np.mean([(episode.way[:, 1] < EDGE_M).mean() for episode in episodes])),
        "apart_mm": 1e3 * float(np.mean(apart)),
    }


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """Mean distance of the points of one way from the nearest of the other, metres."""
    return float(np.linalg.norm(one[:, None, :2] - other[None, :, :2], axis=2).min(axis=1).mean())
