"""`robot-wm camera`: teaches a bundle where its camera sees the tool, and measures which moved cameras it notices."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table

from robot_wm.deploy.bundle import default_bundle, load_bundle
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.errors import RobotWmError
from robot_wm.safety.view_check import FRAMES, ViewCheck
from robot_wm.understanding.episodes import Episodes, dataset_episodes, fresh_episodes
from robot_wm.understanding.features import bundle_features
from robot_wm.understanding.view import View

if TYPE_CHECKING:
    from robot_wm.understanding.learn_view import Nods
    from sim.randomization import Randomization

MOVES: tuple[tuple[float, float], ...] = ((0, 0), (0.02, 0), (0.05, 0), (0.1, 0), (0, 3), (0, 6), (0, 12))
"""Metres and degrees by which the simulated camera is moved and turned."""


@dataclass(frozen=True)
class CameraConfig:
    """Measures the check before motion in the simulator: what share of moved cameras is refused, and of unmoved ones.

    Attributes:
        bundle: Model bundle: a directory, or the name of one that ships.
        learn: First fits `view.onnx` to fresh or given episodes and puts it into the bundle.
        dataset: LeRobot v3 dataset to learn from, recorded with the camera where it is to stay; fresh episodes of the
            simulator with changing looks and a still camera when there is none.
        moving: Fresh episodes have the camera moved too, within the usual ranges of randomisation; such moves pass
            then, only larger ones are refused.
        episodes: Episodes to learn from. Of a dataset a quarter calibrates; in the simulator a quarter as many nods do.
        nods: Nods that each camera pose is measured with; 0 measures nothing.
        seed: Of fresh episodes and of the measurement.
        workers: Processes that simulate.
        json: File for the figures.
    """

    bundle: Path = field(default_factory=default_bundle)
    learn: bool = False
    dataset: Path | None = None
    moving: bool = False
    episodes: int = 600
    nods: int = 100
    seed: int = 0
    workers: int = 2
    json: Path | None = None

    def __post_init__(self) -> None:
        for name, low in (("episodes", 4), ("nods", 0), ("seed", 0), ("workers", 1)):
            if getattr(self, name) < low:
                raise RobotWmError(f"camera: {name} is {getattr(self, name)}; at least {low} is needed")


def run(config: CameraConfig) -> int:
    """Learns where that is asked for, measures, prints a table and writes the figures where `config.json` says."""
    bundle = load_bundle(config.bundle)
    if config.learn:
        from robot_wm.understanding.learn_view import learn

        encode = bundle_features(OnnxWorldModel(bundle))
        bundle = learn(bundle.path, encode, _episodes(config), config.seed, _nods(config))
    view, model = View(bundle), OnnxWorldModel(bundle)
    report: dict[str, Any] = {"bundle_sha256": bundle.sha256, "seed": config.seed, "nods": config.nods, "moves": []}
    for number, (moved_m, turned_deg) in enumerate(MOVES if config.nods else ()):
        report["moves"].append(_measure(view, model, config, number, moved_m, turned_deg))
    _print(report, dict(bundle.metrics["view"]))
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def _episodes(config: CameraConfig) -> Episodes:
    if config.dataset is not None:
        return dataset_episodes(config.dataset, config.episodes)
    from sim.moved_camera import CHANGED

    ranges = _ranges(config)
    return fresh_episodes(config.episodes, config.seed, randomize=CHANGED, workers=config.workers, ranges=ranges)


def _nods(config: CameraConfig) -> Nods | None:
    if config.dataset is not None:
        return None
    from robot_wm.understanding.learn_view import HELD_OUT
    from sim.moved_camera import film_nods

    return film_nods(round(HELD_OUT * config.episodes), 500 + config.seed, ranges=_ranges(config))


def _ranges(config: CameraConfig) -> Randomization:
    from sim.moved_camera import STILL
    from sim.randomization import Randomization

    return Randomization() if config.moving else STILL


def _measure(
    view: View, model: OnnxWorldModel, config: CameraConfig, number: int, moved_m: float, turned_deg: float
) -> dict[str, Any]:
    from sim.moved_camera import film_nods

    images, places = film_nods(config.nods, 1000 + 10 * config.seed + number, moved_m, turned_deg)
    refused, offsets = [], []
    for film, way in zip(images, places, strict=True):
        check = ViewCheck(view.bounds)
        for seen, odd, place in zip(*view.read(model.encode(film)), way, strict=True):
            check.look(seen, odd, place)
        refused.append(check.refusal())
        offsets.append(float(np.linalg.norm(check.offset)))
    return {
        "moved_m": moved_m,
        "turned_deg": turned_deg,
        "refused": float(np.mean([bool(reason) for reason in refused])),
        "refused_by_place": float(np.mean(["is seen" in reason for reason in refused])),
        "median_offset_mm": 1e3 * float(np.median(offsets)),
    }


def _print(report: dict[str, Any], usual: dict[str, Any]) -> None:
    title = f"{report['nods']} nods of {FRAMES} pictures for each camera"
    table = Table("camera moved", "turned", "refused", "of these by the tool's place", "tool seen off by", title=title)
    for row in report["moves"]:
        shares = (f"{row[key]:.2f}" for key in ("refused", "refused_by_place"))
        table.add_row(
            f"{100 * row['moved_m']:g} cm", f"{row['turned_deg']:g}°", *shares, f"{row['median_offset_mm']:.0f} mm"
        )
    table.caption = f"one reading is wrong by {usual['error_mm']:.0f} mm (median)"
    Console().print(table)
