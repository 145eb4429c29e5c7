"""`robot-wm uncertainty`: does the model know what it does not know?"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from robot_wm.deploy.bundle import default_bundle, load_bundle
from robot_wm.deploy.ensemble_session import OnnxEnsemble
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.errors import RobotWmError
from robot_wm.evaluation import episode_seed
from robot_wm.situation import longest_surprise
from robot_wm.understanding.episodes import Episodes, dataset_episodes, fresh_episodes
from robot_wm.understanding.features import bundle_features

STEPS = 20
"""Frames of an episode in a measurement."""
TRAINING_SEEDS = 2**31
"""Added to the seed of fresh training episodes, so that none of them is ever one of a measurement."""


@dataclass(frozen=True)
class UncertaintyConfig:
    """Measures disagreement and surprise in situations that the model knows and in such that it does not.

    Attributes:
        bundle: Model bundle with `ensemble.onnx`.
        episodes: Episodes of each kind that are measured.
        seed: The same seed gives the same episodes; also of learning.
        json: File for the figures.
        learn: First trains the ensemble and puts it into the bundle.
        dataset: LeRobot v3 dataset to learn from; fresh episodes from the simulator when there is none.
        training: Episodes to learn from.
        held_out: Episodes beside them that the bound is calibrated on.
        steps: Steps of learning.
        workers: Processes that simulate what is learned from.
        threads: Threads within an operator.
    """

    bundle: Path = field(default_factory=default_bundle)
    episodes: int = 40
    seed: int = 0
    json: Path | None = None
    learn: bool = False
    dataset: Path | None = None
    training: int = 400
    held_out: int = 100
    steps: int = 1500
    workers: int = 2
    threads: int = 2

    def __post_init__(self) -> None:
        lows = (("episodes", 2), ("seed", 0), ("training", 2), ("held_out", 2), ("steps", 1), ("workers", 1))
        for name, low in (*lows, ("threads", 1)):
            if getattr(self, name) < low:
                raise RobotWmError(f"uncertainty: {name} is {getattr(self, name)}; at least {low} is needed")


def run(config: UncertaintyConfig) -> int:
    """Measures, prints a table, and writes the figures where `config.json` says."""
    if config.learn:
        _learn(config)
    rows = measure(config)
    table = Table("situation", *next(iter(rows.values())), title="disagreement and surprise as shares of their bounds")
    for what, figures in rows.items():
        table.add_row(what, *(f"{value:.2f}" for value in figures.values()))
    Console().print(table)
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps({"uncertainty": rows}, indent=2) + "\n", encoding="utf-8")
    return 0


def _learn(config: UncertaintyConfig) -> None:
    from robot_wm.training.config import Schedule
    from robot_wm.understanding.learn_ensemble import learn

    bundle, count = load_bundle(config.bundle), config.training + config.held_out
    if config.dataset is not None:
        episodes = dataset_episodes(config.dataset, count)
    else:
        episodes = fresh_episodes(count, config.seed + TRAINING_SEEDS, randomize=0.6, workers=config.workers)
    order = np.random.default_rng(config.seed).permutation(count)
    training, held_out = select(episodes, order[: config.training]), select(episodes, order[config.training :])
    encode = bundle_features(OnnxWorldModel(bundle, threads=config.threads))
    schedule = Schedule(config.steps, 256, 2e-3)
    learn(config.bundle, bundle.latent_std, encode, training, held_out, schedule, config.seed)


def select(episodes: Episodes, numbers: np.ndarray) -> Episodes:
    """Some of the episodes, in the order of `numbers`."""
    spans = [np.arange(episodes.starts[i], episodes.starts[i] + episodes.lengths[i]) for i in numbers]
    rows, lengths = np.concatenate(spans), episodes.lengths[numbers]
    return Episodes(
        episodes.images[rows],
        episodes.states[rows],
        episodes.actions[rows],
        np.cumsum(lengths) - lengths,
        lengths,
        {name: column[rows] for name, column in episodes.monitor.items()},
    )


def measure(config: UncertaintyConfig) -> dict[str, dict[str, float]]:
    """Figures of each kind of situation of `sim.strange`.

    The medians of disagreement and surprise are shares of their bounds; `auroc` is the chance that a step there has
    more disagreement than one of play as in training; `alarms` are the shares of episodes in which either stays above
    its bound long enough to make an agent unsure.
    """
    from sim.strange import STRANGENESS, strange_episode

    bundle = load_bundle(config.bundle)
    model = OnnxWorldModel(bundle, threads=config.threads)
    ensemble = OnnxEnsemble(bundle, threads=config.threads)
    surprise_bound = bundle.metrics.get("surprise_bound") or float("inf")
    rows: dict[str, dict[str, float]] = {}
    known = np.empty(0)
    for kind in STRANGENESS:
        spreads, surprises = [], []
        for number in track(range(config.episodes), f"situation: {kind}"):
            episode = strange_episode(kind, episode_seed(config.seed, number), STEPS)
            latents, states, actions = model.encode(episode.images), episode.states, episode.actions
            spreads.append(ensemble.disagreement(latents, states, actions)[:-1])
            chunks = np.repeat(actions[:, None], model.horizon, axis=1)
            after = [model.rollout(z, s, a[None])[0, 0] for z, s, a in zip(latents[:-1], states, chunks, strict=False)]
            surprises.append(np.abs(latents[1:] - np.stack(after)).mean(axis=(1, 2)) / bundle.latent_std)
        flat = np.concatenate(spreads)
        known = flat if kind == "none" else known
        rows[kind] = {
            "disagreement": float(np.median(flat)) / ensemble.bound,
            "surprise": float(np.median(np.concatenate(surprises))) / surprise_bound,
            "auroc": auroc(known, flat),
            "alarms_disagreement": float(np.mean([longest_surprise(run) > ensemble.bound for run in spreads])),
            "alarms_surprise": float(np.mean([longest_surprise(run) > surprise_bound for run in surprises])),
        }
    return rows


def auroc(known: np.ndarray, other: np.ndarray) -> float:
    """Chance that one of `other` exceeds one of `known`; ties count half (Mann & Whitney 1947)."""
    below = np.searchsorted(np.sort(known), other, side="left")
    not_above = np.searchsorted(np.sort(known), other, side="right")
    return float((below + not_above).mean() / 2 / len(known))
