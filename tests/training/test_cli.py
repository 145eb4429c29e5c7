"""`robot-wm train` from its words to a checkpoint."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import tyro

from robot_wm.data.video import encode
from robot_wm.errors import DatasetError, TrainingError
from robot_wm.training import checkpoint, cli
from robot_wm.training.config import TrainingPlan
from robot_wm.training.trainer import Pace
from robot_wm.training.windows import Frames

QUIET = Pace(monitors=1, tensorboard=False)


def test_the_words_of_the_documentation_are_understood() -> None:
    words = "--videos a b.mcap --video-fps 4 --skip-bad --plan.stages joint heads --plan.freeze-video --init runs/a"
    words += " --plan.regulariser sigreg --precision bf16 --accumulate 4 --pace.no-tensorboard --plan.joint.batch 9"
    config = tyro.cli(cli.TrainConfig, args=words.split())
    assert config.videos == (Path("a"), Path("b.mcap")) and config.video_fps == 4 and config.skip_bad
    assert config.plan.stages == ("joint", "heads") and config.plan.freeze_video
    assert config.plan.regulariser == "sigreg" and config.plan.joint.batch == 9
    assert (config.precision, config.accumulate, config.init) == ("bf16", 4, Path("runs/a"))
    assert not config.pace.tensorboard


def test_an_encoder_is_trained_on_a_folder_of_videos(
    frames: Frames, plan: TrainingPlan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for number in range(2):
        clip = encode(frames.images[number * 20 : number * 20 + 20], Fraction(5))
        (tmp_path / "in" / f"{number}.mp4").write_bytes(clip)
    (tmp_path / "in" / "bad.mp4").write_bytes(clip[: len(clip) // 2])
    config = cli.TrainConfig(
        videos=(tmp_path / "in",),
        out=tmp_path / "out",
        device="cpu",
        pace=QUIET,
        plan=replace(plan, stages=("pretrain",), held_out=0.5),
    )
    with pytest.raises(DatasetError, match=r"bad\.mp4.*--skip-bad"):
        cli.run(config)
    assert cli.run(replace(config, skip_bad=True)) == 0
    said = capsys.readouterr().out
    assert "2 clips, 40 pictures" in said and "1 clips were skipped" in said
    model = checkpoint.load_model(tmp_path / "out")
    assert all(np.isfinite(value.numpy()).all() for value in model.state_dict().values())


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(TrainingError, match="give --dataset, or --videos"):
        cli.run(cli.TrainConfig(device="cpu"))
