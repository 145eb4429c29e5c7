"""`robot-wm train`: datasets in, a checkpoint that can be exported out."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.console import Console

from robot_wm.contract import TABLETOP, Contract
from robot_wm.data.cache import load_cached
from robot_wm.data.clips import Form
from robot_wm.data.pictures import load_pictures
from robot_wm.errors import TrainingError
from robot_wm.training.compute import Compute, Precision, choose_device, runs_bf16
from robot_wm.training.config import TrainingPlan
from robot_wm.training.contracts import common_contract, note_contract
from robot_wm.training.parallel import Group, join_group, leave_group
from robot_wm.training.trainer import Pace, Trainer
from robot_wm.training.windows import Frames


@dataclass(frozen=True)
class TrainConfig:
    """Trains a world model stage by stage and goes on from the last checkpoint when run again.

    Under `torchrun` each batch is shared among the processes; the losses are those of one process.

    Attributes:
        dataset: LeRobot v3 dataset of `robot-wm collect`; without it only stage "pretrain" can be trained.
        out: Directory of checkpoint, journals (CSV, TensorBoard) and `curves.png`.
        seed: Seeds weights and batches.
        device: "auto" takes a GPU when there is one; "cpu" or "cuda" insist.
        precision: "auto" computes in bfloat16 on GPUs that have it, in float32 elsewhere.
        accumulate: Parts into which each process cuts its share of a batch to save memory; the losses stay the same.
        further: More LeRobot v3 datasets, such as corrections. Each adds a stage that refines predictor, critic and
            policy with it and all before it; they may be added to a run that has finished without.
        videos: More pictures for stage "pretrain": LeRobot v3 datasets of any robot, video files, MCAP bags, or folders
            of videos and bags.
        video_fps: Pictures a second that are taken of them; a video that has fewer is bad.
        video_topic: Image topic of bags.
        skip_bad: Leaves out clips that are damaged, empty, of varying size or too slow, and counts them.
        init: Checkpoint of another run to begin with, such as an encoder that was pre-trained on its own.
        pace: How often to write.
        plan: Sizes, stages and loss weights.
    """

    dataset: Path | None = None
    out: Path = Path("runs/tabletop")
    seed: int = 0
    device: str = "auto"
    precision: Precision = "auto"
    accumulate: int = 1
    further: tuple[Path, ...] = ()
    videos: tuple[Path, ...] = ()
    video_fps: float = 1 / TABLETOP.step_s
    video_topic: str = TABLETOP.camera.topic
    skip_bad: bool = False
    init: Path | None = None
    pace: Pace = Pace()
    plan: TrainingPlan = field(default_factory=TrainingPlan)


def run(config: TrainConfig) -> int:
    """Trains; the checkpoint in `config.out` is what `robot-wm export` takes."""
    device = choose_device(config.device)
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
    group = join_group(device)
    try:
        _train(config, Compute(device, group, runs_bf16(config.precision, device), config.accumulate))
    finally:
        leave_group(group)
    return 0


def _train(config: TrainConfig, compute: Compute) -> None:
    console = Console(quiet=not compute.group.leads)
    frames, videos, further, contract = _load(config, compute.group, console)
    places = f"{compute.device.type}{f' in {compute.group.size} processes' if compute.group.size > 1 else ''}"
    console.print(f"{len(frames.starts)} episodes, {len(frames.images)} frames; training on {places}")
    trainer = Trainer(
        config.plan,
        frames,
        config.out,
        compute,
        config.seed,
        further,
        videos=videos,
        init=config.init,
        pace=config.pace,
    )
    if contract is not None and compute.group.leads:
        note_contract(config.out, contract)
    trainer.run()
    if compute.group.leads:
        metrics = trainer.finish()
        console.print(f"done: {config.out}")
        console.print_json(json.dumps(metrics))
    compute.group.wait()


def _load(
    config: TrainConfig, group: Group, console: Console
) -> tuple[Frames, list[Frames], list[Frames], Contract | None]:
    """Dataset, videos, further datasets, their contract; the first process decodes what is not decoded yet."""
    if not group.leads:
        group.wait()
    paths = (*([config.dataset] if config.dataset else []), *config.further)
    cached = {path: load_cached(path, progress=group.leads) for path in paths}
    contract = common_contract(cached) if cached else None
    datasets = [Frames.of(cached[path]) for path in paths]
    form = Form(config.plan.model.encoder.image_size, config.video_fps, config.video_topic)
    videos = []
    for path in config.videos:
        pictures = load_pictures(path, form, config.out / ".pictures", skip_bad=config.skip_bad)
        said = [f"{path}: {len(pictures.lengths)} clips, {len(pictures.images)} pictures"]
        said += [f"  skipped: {reason}" for reason in pictures.skipped]
        said += [f"  {len(pictures.skipped)} clips were skipped"] if pictures.skipped else []
        console.print("\n".join(said), highlight=False, markup=False, soft_wrap=True)
        videos.append(Frames.seen(pictures.images, pictures.starts, pictures.lengths))
    if group.leads:
        group.wait()
    if config.dataset:
        return datasets[0], videos, datasets[1:], contract
    if config.further or not videos:
        raise TrainingError("nothing to begin with: give --dataset, or --videos for stage 'pretrain' alone")
    return videos[0], videos[1:], [], None
