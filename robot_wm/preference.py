"""`robot-wm prefer`: a cost term from pairs of clips of which people liked one better."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console

from robot_wm.data.judgements import Judgement, clip_images, read_judgements
from robot_wm.deploy.bundle import Bundle, default_bundle, load_bundle
from robot_wm.deploy.preference_session import GRAPH
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.errors import RobotWmError

LEAST_PAIRS = 10


@dataclass(frozen=True)
class PreferConfig:
    """Learns from judged pairs of clips what people like, tests it, and puts it into a bundle as a cost term.

    Attributes:
        pairs: JSON lines {"better": CLIP, "worse": CLIP}; a clip names dataset, episode, start and length.
        test: The same to test on; without it a share of `pairs` is held out.
        held_out: That share.
        bundle: Model bundle that gets `preference.onnx`.
        weight: Of the term in the bundle's planner settings; 0 leaves it out of planning until somebody sets it.
        steps: Steps of learning.
        example: Instead of all that makes the example of docs/preference.md in `out` and measures it; the bundle itself
            stays as it is.
        out: Folder of the example.
        trials: Episodes of the example's measurement.
    """

    pairs: Path | None = None
    test: Path | None = None
    held_out: float = 0.2
    bundle: Path = field(default_factory=default_bundle)
    weight: float = 0.0
    steps: int = 400
    seed: int = 0
    example: bool = False
    out: Path = Path("runs/preference")
    trials: int = 50

    def __post_init__(self) -> None:
        if self.pairs is None and not self.example:
            raise RobotWmError("prefer: give --pairs FILE, or --example")
        if not 0 < self.held_out < 1 or self.steps < 1 or self.trials < 1 or not self.weight >= 0:
            raise RobotWmError(
                f"prefer: held_out {self.held_out}, steps {self.steps}, trials {self.trials}, weight {self.weight}; a "
                "share between 0 and 1, at least 1, at least 1, and at least 0 are needed"
            )


def run(config: PreferConfig) -> int:
    """Trains, tests and adds the graph, or makes the example."""
    console = Console(highlight=False, soft_wrap=True)
    if config.example:
        return importlib.import_module("sim.preference_example").run(config, console)
    assert config.pairs is not None
    judged = read_judgements(config.pairs)
    tested = read_judgements(config.test) if config.test else None
    bundle, figures = learn(config, judged, tested)
    console.print_json(json.dumps(figures))
    console.print(f"{bundle.path / GRAPH}.onnx is written; its weight in planning is {config.weight:g}")
    return 0


def learn(
    config: PreferConfig, judged: list[Judgement], tested: list[Judgement] | None
) -> tuple[Bundle, dict[str, float]]:
    """Trains on judged pairs and puts the energy into `config.bundle`.

    Args:
        tested: Pairs to test on; None holds out a share of `judged`.

    Returns:
        The bundle, and the pairs and accuracies of training and test.

    Raises:
        RobotWmError: There are too few pairs.
        DatasetError: A clip does not exist.
    """
    from robot_wm.training.config import Schedule
    from robot_wm.training.preference import accuracy, fit

    trained, tested = (judged, tested) if tested else _split(judged, config.held_out, config.seed)
    if len(trained) < LEAST_PAIRS:
        raise RobotWmError(f"prefer: {len(trained)} pairs to learn from, at least {LEAST_PAIRS} are needed; judge more")
    latents = _latents(load_bundle(config.bundle), [*trained, *tested])
    pairs, others = ([latents[pair] for pair in part] for part in (trained, tested))
    schedule = Schedule(config.steps, min(64, len(pairs)), 3e-3, warmup=20)
    head = fit(pairs, schedule, config.seed)
    figures: dict[str, float] = {"pairs": len(pairs), "held_out_pairs": len(others)}
    figures |= {"accuracy": accuracy(head, pairs), "held_out_accuracy": accuracy(head, others)}
    example = np.concatenate([clip for pair in pairs[:LEAST_PAIRS] for clip in pair])
    return _add(config, head, example, figures), figures


def _split(judged: list[Judgement], held_out: float, seed: int) -> tuple[list[Judgement], list[Judgement]]:
    order = np.random.default_rng(seed).permutation(len(judged))
    count = max(1, round(held_out * len(judged)))
    return [judged[i] for i in order[count:]], [judged[i] for i in order[:count]]


def _latents(bundle: Bundle, judged: list[Judgement]) -> dict[Judgement, tuple[np.ndarray, np.ndarray]]:
    """Frozen latents (T, N, D) of both clips of each pair."""
    images = clip_images(clip for pair in judged for clip in (pair.better, pair.worse))
    model = OnnxWorldModel(bundle)
    known = {clip: model.encode(pictures) for clip, pictures in images.items()}
    return {pair: (known[pair.better], known[pair.worse]) for pair in judged}


def _add(config: PreferConfig, head: object, example: np.ndarray, figures: dict[str, float]) -> Bundle:
    import torch

    from robot_wm.understanding.attach import attach

    assert isinstance(head, torch.nn.Module)
    note = (
        f"`{GRAPH}.onnx` is an energy of latents, learned from {figures['pairs']:.0f} judged pairs of clips; it orders "
        f"{figures['held_out_accuracy']:.2f} of the pairs held out as people did. The planner weighs it by "
        "`preference_weight`."
    )
    inputs = ("latents", torch.from_numpy(example))
    settings = {"preference_weight": float(config.weight)}
    return attach(config.bundle, GRAPH, head, inputs, ["energies"], figures, ("Preference", note), planner=settings)
