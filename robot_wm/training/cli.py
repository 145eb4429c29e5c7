"""`robot-wm train`: a dataset in, a checkpoint that can be exported out."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.console import Console

from robot_wm.data.cache import load_cached
from robot_wm.errors import TrainingError
from robot_wm.training.config import TrainingPlan
from robot_wm.training.contracts import common_contract, note_contract
from robot_wm.training.trainer import Trainer
from robot_wm.training.windows import Frames


@dataclass(frozen=True)
class TrainConfig:
    """Trains a world model stage by stage and goes on from the last checkpoint when run again.

    Attributes:
        dataset: LeRobot v3 dataset.
        out: Directory of checkpoint, journals (CSV) and `curves.png`.
        seed: Seeds weights and batches.
        device: "auto" takes a GPU when there is one; "cpu" or "cuda" insist.
        further: More LeRobot v3 datasets, such as corrections. Each adds a stage that refines predictor, critic and
            policy with it and all before it; they may be added to a run that has finished without.
        plan: Sizes, stages and loss weights.
    """

    dataset: Path
    out: Path = Path("runs/tabletop")
    seed: int = 0
    device: str = "auto"
    further: tuple[Path, ...] = ()
    plan: TrainingPlan = field(default_factory=TrainingPlan)


def run(config: TrainConfig) -> int:
    """Trains; the checkpoint in `config.out` is what `robot-wm export` takes."""
    console = Console()
    device = choose_device(config.device)
    torch.set_num_threads(os.cpu_count() or 1)
    cached = {path: load_cached(path) for path in (config.dataset, *config.further)}
    contract = common_contract(cached)
    frames, *further = (Frames.of(cached[path]) for path in (config.dataset, *config.further))
    console.print(f"{len(frames.starts)} episodes, {len(frames.images)} frames; training on {device}")
    trainer = Trainer(config.plan, frames, config.out, device, config.seed, further)
    note_contract(config.out, contract)
    trainer.run()
    metrics = trainer.finish()
    console.print(f"done: {config.out}")
    console.print_json(json.dumps(metrics))
    return 0


def choose_device(name: str) -> torch.device:
    """The device called `name`; asking for a GPU that is not there raises TrainingError."""
    if name not in ("auto", "cpu", "cuda"):
        raise TrainingError(f"device '{name}': expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device 'cuda': torch sees no CUDA GPU; install a CUDA build of torch or use --device cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
