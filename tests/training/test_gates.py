"""A model that collapsed cannot be exported; a sound one of the same size can pass the same gates."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from robot_wm.deploy.export import ExportConfig, export_checkpoint
from robot_wm.errors import BundleError
from robot_wm.training.compute import Compute
from robot_wm.training.config import Schedule, TrainingPlan
from robot_wm.training.gates import Gates
from robot_wm.training.objectives import Weights
from robot_wm.training.trainer import Pace, Trainer
from robot_wm.training.windows import Frames

CPU = Compute(torch.device("cpu"))
PREDICTION_ONLY = Weights(inverse=0.0, policy=0.0, critic=0.0, variance=0.0, covariance=0.0)


def trained(plan: TrainingPlan, frames: Frames, out: Path) -> dict[str, float]:
    schedule = Schedule(steps=200, batch=32, rate=3e-3, warmup=10)
    plan = replace(plan, stages=("joint",), joint=schedule)
    trainer = Trainer(plan, frames, out, CPU, 0, pace=Pace(monitors=1, tensorboard=False))
    trainer.run()
    return trainer.finish()


def test_without_the_terms_against_collapse_the_export_refuses(
    frames: Frames, plan: TrainingPlan, tmp_path: Path
) -> None:
    metrics = trained(replace(plan, weights=PREDICTION_ONLY), frames, tmp_path)
    assert metrics["channel_std"] < Gates.channel_std
    with pytest.raises(BundleError, match=r"channel_std is .*, at least 0\.1 is needed.*--force"):
        export_checkpoint(ExportConfig(tmp_path, tmp_path / "bundle"))
    assert not (tmp_path / "bundle").exists()


def test_with_them_the_same_model_passes(frames: Frames, plan: TrainingPlan, tmp_path: Path) -> None:
    assert Gates().failures(trained(plan, frames, tmp_path)) == []


def test_what_was_not_measured_does_not_pass() -> None:
    good = {
        "effective_rank": 50.0,
        "channel_std": 1.0,
        "action_sensitivity": 0.9,
        "ranking": 0.99,
        "rank_correlation": 0.8,
    }
    assert Gates().failures(good) == []
    assert Gates().failures(good | {"ranking": float("nan")})[0].startswith("ranking is not measured")
    assert len(Gates().failures({})) == 5
