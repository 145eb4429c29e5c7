"""`robot-wm physics`: is the impossible more surprising than the possible?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from robot_wm.deploy.bundle import Bundle, default_bundle, load_bundle
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.errors import RobotWmError
from robot_wm.statistics import wilson_interval
from robot_wm.understanding.features import Encode, bundle_features, encode_all, untrained_features
from robot_wm.understanding.optional_graph import OptionalGraph
from robot_wm.understanding.surprise import Predict, clip_surprise, pairwise_accuracy, surprise_over_time

if TYPE_CHECKING:
    from sim.violations import Pair

SCENES_AT_ONCE = 4


@dataclass(frozen=True)
class PhysicsConfig:
    """Measures surprise at matched pairs of possible and impossible clips in the simulator.

    Attributes:
        bundle: Model bundle with `clip_predictor.onnx`.
        pairs: Pairs of a category.
        seed: The same seed gives the same pairs; also of the untrained model beside it.
        json: File for the figures.
        out: Folder of the report, `report.md` and `surprise.png`.
        learn: First trains the clip predictor on possible clips and puts it into the bundle.
        clips: Clips to learn from.
        steps: Steps of learning.
        threads: Threads within an operator.
    """

    bundle: Path = field(default_factory=default_bundle)
    pairs: int = 100
    seed: int = 0
    json: Path | None = None
    out: Path = Path("runs/physics")
    learn: bool = False
    clips: int = 2200
    steps: int = 1200
    threads: int = 2

    def __post_init__(self) -> None:
        for name, low in (("pairs", 2), ("seed", 0), ("clips", 8), ("steps", 1), ("threads", 1)):
            if getattr(self, name) < low:
                raise RobotWmError(f"physics: {name} is {getattr(self, name)}; at least {low} is needed")


@dataclass(frozen=True)
class Scored:
    """What a model made of the pairs of a category.

    Attributes:
        possible, impossible: Surprise over time (P, F) of each clip of each pair.
    """

    possible: np.ndarray
    impossible: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of pairs in which the impossible clip surprises more."""
        return pairwise_accuracy(clip_surprise(self.possible), clip_surprise(self.impossible))


Judge = Callable[[np.ndarray], np.ndarray]
"""Clips uint8 (C, F, H, W, 3) to surprise over time (C, F)."""


def run(config: PhysicsConfig) -> int:
    """Measures, prints a table, writes the report, and the figures where `config.json` says."""
    from robot_wm.understanding.physics_report import write_report

    bundle = load_bundle(config.bundle)
    if config.learn:
        from robot_wm.training.config import Schedule
        from robot_wm.understanding.learn_physics import learn

        model = OnnxWorldModel(bundle, threads=config.threads)
        schedule = Schedule(config.steps, batch=16, rate=3e-3, warmup=50, cooldown=0.6)
        bundle = learn(bundle.path, bundle_features(model), config.clips, schedule, config.seed)
    scores, examples = measure(
        config, {"model": trained_judge(bundle, config.threads), "untrained": untrained_judge(bundle, config.seed)}
    )
    report = summarize(config, bundle, scores)
    _print(report)
    write_report(config.out, report, examples, {name: scored["model"] for name, scored in scores.items()})
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def trained_judge(bundle: Bundle, threads: int = 2) -> Judge:
    """The surprise of a bundle's encoder and clip predictor; BundleError when it has no clip predictor."""
    graph = OptionalGraph(bundle, "clip_predictor", f"robot-wm physics --learn --bundle {bundle.path}", threads)

    def predict(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        target, expected = graph(tokens)
        return target, expected

    return _judge(bundle_features(OnnxWorldModel(bundle, threads=threads)), predict)


def untrained_judge(bundle: Bundle, seed: int) -> Judge:
    """The surprise of an encoder and a clip predictor of the same architecture with random weights."""
    import torch

    from robot_wm.understanding.clip_predictor import ClipPredictor

    encode = untrained_features(bundle, seed)
    camera = bundle.contract.camera
    places, channels = encode(np.zeros((1, camera.height, camera.width, 3), np.uint8))[1].shape[1:]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = ClipPredictor(places, channels).eval()

    @torch.inference_mode()
    def predict(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        target, expected = model(torch.from_numpy(tokens))
        return target.numpy(), expected.numpy()

    return _judge(encode, predict)


def _judge(encode: Encode, predict: Predict) -> Judge:
    from robot_wm.understanding.clip_predictor import WINDOW

    return lambda clips: surprise_over_time(predict, encode_all(encode, clips)[1], WINDOW)


def measure(config: PhysicsConfig, judges: Mapping[str, Judge]) -> tuple[dict[str, dict[str, Scored]], dict[str, Pair]]:
    """Films the pairs and lets every judge see them.

    Returns:
        By category what each judge found, and the first pair of each category.
    """
    from sim.theatre import Theatre
    from sim.violations import CATEGORIES, matched_pairs

    scores: dict[str, dict[str, Scored]] = {}
    examples: dict[str, Pair] = {}
    theatre = Theatre()
    try:
        with Progress(transient=True) as progress:
            bar = progress.add_task("", total=len(CATEGORIES) * config.pairs)
            for category in CATEGORIES:
                progress.update(bar, description=category)
                found: dict[str, list[np.ndarray]] = {name: [] for name in judges}
                for pairs in _grouped(matched_pairs(category, config.pairs, config.seed, theatre)):
                    examples.setdefault(category, pairs[0])
                    clips = np.stack([clip for pair in pairs for clip in (pair.possible, pair.impossible)])
                    for name, judge in judges.items():
                        found[name].append(judge(clips))
                    progress.advance(bar, len(pairs))
                stacked = {name: np.concatenate(parts) for name, parts in found.items()}
                scores[category] = {name: Scored(rows[::2], rows[1::2]) for name, rows in stacked.items()}
    finally:
        theatre.close()
    return scores, examples


def _grouped(pairs: Iterator[Pair]) -> Iterator[list[Pair]]:
    group: list[Pair] = []
    for pair in pairs:
        group.append(pair)
        if len(group) == 2 * SCENES_AT_ONCE:
            yield group
            group = []
    if group:
        yield group


def summarize(config: PhysicsConfig, bundle: Bundle, scores: Mapping[str, Mapping[str, Scored]]) -> dict[str, Any]:
    """The report: accuracy and Wilson's 95 % interval of each category, and the means over the categories."""
    categories = {}
    for category, scored in scores.items():
        row: dict[str, Any] = {"pairs": len(scored["model"].possible)}
        for name, prefix in (("model", ""), ("untrained", "untrained_")):
            accuracy = scored[name].accuracy
            row[f"{prefix}pairwise_accuracy"] = accuracy
            row[f"{prefix}ci95"] = list(wilson_interval(round(accuracy * row["pairs"]), row["pairs"]))
        categories[category] = row
    return {
        "mean_pairwise_accuracy": float(np.mean([row["pairwise_accuracy"] for row in categories.values()])),
        "untrained_mean_pairwise_accuracy": float(
            np.mean([row["untrained_pairwise_accuracy"] for row in categories.values()])
        ),
        "pairs": config.pairs,
        "seed": config.seed,
        "bundle_sha256": bundle.sha256,
        "categories": categories,
    }


def _print(report: Mapping[str, Any]) -> None:
    table = Table("category", "pairwise accuracy", "95 %", "untrained", title="surprise: impossible against possible")
    for category, row in report["categories"].items():
        low, high = row["ci95"]
        table.add_row(
            category,
            f"{row['pairwise_accuracy']:.2f}",
            f"{low:.2f}–{high:.2f}",
            f"{row['untrained_pairwise_accuracy']:.2f}",
        )
    mean, untrained = report["mean_pairwise_accuracy"], report["untrained_mean_pairwise_accuracy"]
    table.add_row("mean", f"{mean:.3f}", "", f"{untrained:.3f}", style="bold")
    Console().print(table)
