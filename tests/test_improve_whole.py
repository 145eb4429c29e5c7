"""A whole round with a tiny model: play, training, export, judging."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from robot_wm.deploy.bundle import load_bundle
from robot_wm.promotion import read_history

pytest.importorskip("torch")
pytest.importorskip("pybullet")
from robot_wm.deploy.export import ExportConfig, export_checkpoint
from robot_wm.deploy.extend import add_to_bundle
from robot_wm.distill import DistillConfig, run
from robot_wm.perception.encoder import EncoderConfig
from robot_wm.training.cli import TrainConfig
from robot_wm.training.cli import run as train
from robot_wm.training.config import LevelsConfig, PretrainConfig, Schedule, TrainingPlan
from robot_wm.training.trainer import Pace
from robot_wm.training.windows import WindowConfig
from robot_wm.world_model.model import ModelConfig
from sim.collect import CollectConfig
from sim.collect import run as collect

SCHEDULE = Schedule(steps=3, batch=4, rate=1e-3, warmup=1)
PLAN = TrainingPlan(
    model=ModelConfig(
        EncoderConfig(stem=8, width=16, depth=1, heads=2, reduced=4, tokens=4, channels=4), width=16, depth=1, chunk=4
    ),
    window=WindowConfig(frames=3, goals=2, reach=8, chunk=4),
    pretrain=PretrainConfig(SCHEDULE, frames=4),
    joint=SCHEDULE,
    heads=SCHEDULE,
    refine=SCHEDULE,
    heads_window=WindowConfig(frames=4, goals=2, reach=8, chunk=4),
    levels=LevelsConfig(schedule=replace(SCHEDULE, steps=0)),
    held_out=0.3,
)


@pytest.mark.slow
def test_a_round_from_play_to_its_line_in_the_history(tmp_path: Path) -> None:
    data, run_folder, bundle = tmp_path / "data", tmp_path / "run", tmp_path / "bundle"
    collect(CollectConfig(data, episodes=4, workers=1, steps=12, randomize=0.0))
    train(TrainConfig(data, run_folder, device="cpu", pace=Pace(monitors=1, tensorboard=False), plan=PLAN))
    before = export_checkpoint(ExportConfig(run_folder, bundle, "tiny", force=True))
    policy, encoder = before.read("policy.onnx"), before.read("encoder.onnx")
    add_to_bundle(bundle, {"decoder.onnx": before.read("critic.onnx")}, {"decoder": {"psnr_db": 20.0}}, ("Decoder", ""))
    config = DistillConfig(
        run_folder,
        bundle,
        data,
        out=tmp_path / "out",
        episodes=3,
        steps=12,
        tasks=("push",),
        trials=1,
        workers=1,
        device="cpu",
        force=True,
        plan=PLAN,
    )
    assert run(config) == 0
    (done,) = read_history(config.out)
    assert done.promoted and done.candidate["push"].episodes == 1
    after = load_bundle(bundle)
    assert after.sha256 == done.candidate_sha256 and after.read("policy.onnx") != policy
    assert after.read("encoder.onnx") == encoder
    assert "decoder.onnx" in after.files and after.metrics["decoder"] == {"psnr_db": 20.0}
    shutil.rmtree(data)
    assert run(config) == 0, "a finished history needs nothing any more"
