"""A model that collapsed cannot be exported; the terms against collapse are what saves it."""

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
WITHOUT_REGULARISER = Weights(variance=0.0, covariance=0.0)
PREDICTION_ONLY = Weights(inverse=0.0, policy=0.0, critic=0.0, variance=0.0, covariance=0.0)


def trained(plan: TrainingPlan, frames: Frames, out: Path) -> dict[str, float]:
    schedule = Schedule(steps=120, batch=32, rate=3e-3, warmup=10)
    plan = replace(plan, stages=("joint",), joint=schedule)
    trainer = Trainer(plan, frames, out, CPU, 0, pace=Pace(monitors=1, tensorboard=False))
    trainer.run()
    return trainer.finish()


@pytest.mark.parametrize("weights", [WITHOUT_REGULARISER, PREDICTION_ONLY], ids=["no-vicreg", "prediction-only"])
def test_without_the_terms_against_collapse_the_export_refuses(
    frames: Frames, plan: TrainingPlan, tmp_path: Path, weights: Weights
) -> None:
    trained(replace(plan, weights=weights), frames, tmp_path)
    with pytest.raises(BundleError, match=rf"channel_std is .*, at least {Gates.channel_std} is needed.*--force"):
        export_checkpoint(ExportConfig(tmp_path, tmp_path / "bundle"))
    assert not (tmp_path / "bundle").exists()


def test_with_them_the_same_model_does_not_collapse(frames: Frames, plan: TrainingPlan, tmp_path: Path) -> None:
    failures = " ".join(Gates().failures(trained(plan, frames, tmp_path)))
    assert "channel_std" not in failures


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
