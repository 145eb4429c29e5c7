"""`robot-wm probe`: what can be read from frozen features, beside an untrained encoder and raw pixels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from robot_wm.deploy.bundle import Bundle, default_bundle, load_bundle
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.errors import RobotWmError
from robot_wm.training.config import Schedule
from robot_wm.understanding.attentive_probe import attentive_probe
from robot_wm.understanding.episodes import Episodes, dataset_episodes, fresh_episodes
from robot_wm.understanding.features import Encode, PixelFeatures, bundle_features, encode_all, untrained_features
from robot_wm.understanding.probes import Question, linear_probe
from robot_wm.understanding.questions import questions

PIXEL_FRAMES = 600
"""Frames that the principal components are computed from."""

FRAMES_A_STEP = 448
"""Frames that an attentive probe sees in a training step."""


@dataclass(frozen=True)
class ProbeConfig:
    """Fits linear and attentive probes on frozen features and measures them on episodes that they have not seen.

    Attributes:
        bundle: Model bundle.
        dataset: LeRobot v3 dataset of play; fresh episodes from the simulator when there is none.
        episodes: Episodes to use.
        held_out: Share of the episodes that only the measurement sees.
        randomize: Share of fresh episodes with randomised looks, light, physics and camera pose.
        seed: Of fresh episodes, of the probes and of the untrained encoder.
        steps: Training steps of an attentive probe.
        workers: Processes that simulate.
        json: File for the figures.
    """

    bundle: Path = field(default_factory=default_bundle)
    dataset: Path | None = None
    episodes: int = 480
    held_out: float = 0.2
    randomize: float = 0.0
    seed: int = 0
    steps: int = 800
    workers: int = 2
    json: Path | None = None

    def __post_init__(self) -> None:
        for name, low in (("episodes", 2), ("seed", 0), ("steps", 1), ("workers", 1)):
            if getattr(self, name) < low:
                raise RobotWmError(f"probe: {name} is {getattr(self, name)}; at least {low} is needed")
        if not 0 < self.held_out < 1 or not 0 <= self.randomize <= 1:
            raise RobotWmError(f"probe: held_out {self.held_out} and randomize {self.randomize} must be shares of one")


def run(config: ProbeConfig) -> int:
    """Probes, prints a table and writes the figures where `config.json` says."""
    bundle = load_bundle(config.bundle)
    if config.dataset is None:
        episodes = fresh_episodes(config.episodes, config.seed, randomize=config.randomize, workers=config.workers)
    else:
        episodes = dataset_episodes(config.dataset, config.episodes)
    asked = questions(episodes, config.held_out)
    results: dict[str, dict[str, dict[str, float]]] = {}
    with Progress(transient=True) as progress:
        bar = progress.add_task("", total=3 * 2 * len(asked))
        for name, encode in _sources(bundle, episodes, config).items():
            progress.update(bar, description=name)
            latents, tokens = encode_all(encode, episodes.images)
            results[name] = {}
            for question in asked:
                linear = linear_probe(question, latents)
                progress.advance(bar)
                batch = max(1, FRAMES_A_STEP // question.clips.shape[1])
                schedule = Schedule(config.steps, batch, rate=2e-3, warmup=50, cooldown=0.6)
                attentive = attentive_probe(question, tokens, schedule, config.seed)
                progress.advance(bar)
                results[name][question.name] = {"linear": linear, "attentive": attentive}
    report = _report(config, bundle, asked, results)
    _print(report, asked)
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def _sources(bundle: Bundle, episodes: Episodes, config: ProbeConfig) -> dict[str, Encode]:
    """The features to compare; the components of pixels see no episode that is held out."""
    model = OnnxWorldModel(bundle)
    trained = bundle_features(model)
    tokens = trained(episodes.images[:1])[1].shape
    seen = np.flatnonzero(episodes.episode < round((1 - config.held_out) * len(episodes.starts)))
    some = np.sort(np.random.default_rng(config.seed).permutation(seen)[:PIXEL_FRAMES])
    pixels = PixelFeatures.fit(episodes.images[some], bundle.tokens * bundle.channels, tokens[1], tokens[2])
    return {"encoder": trained, "untrained encoder": untrained_features(bundle, config.seed), "pixels (PCA)": pixels}


def _report(
    config: ProbeConfig, bundle: Bundle, asked: list[Question], results: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        "bundle_sha256": bundle.sha256,
        "dataset": None if config.dataset is None else config.dataset.name,
        "episodes": config.episodes,
        "held_out": config.held_out,
        "randomize": config.randomize,
        "seed": config.seed,
        "clips": {question.name: int(question.held_out.sum()) for question in asked},
        "measure": {question.name: "r2" if question.kind == "position" else "accuracy" for question in asked},
        "commonest_answer": {question.name: question.commonest for question in asked},
        "results": results,
    }


def _print(report: Mapping[str, Any], asked: list[Question]) -> None:
    table = Table("features", "probe", *(f"{question.name}" for question in asked), title="on episodes held out")
    for source, row in report["results"].items():
        for probe in ("linear", "attentive"):
            table.add_row(source, probe, *(f"{row[question.name][probe]:.3f}" for question in asked))
    usual = report["commonest_answer"]
    table.add_row("always the commonest", "", *(f"{usual[question.name]:.3f}" for question in asked), style="dim")
    table.caption = "positions: R²; contact and behaviour: accuracy"
    Console().print(table)
