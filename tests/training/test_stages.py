"""Stages can be chosen: an encoder alone, then predictor and heads on it, frozen or not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from robot_wm.errors import TrainingError
from robot_wm.training import checkpoint
from robot_wm.training.compute import Compute
from robot_wm.training.config import TrainingPlan
from robot_wm.training.trainer import Pace, Trainer
from robot_wm.training.windows import Frames, take_images

CPU = Compute(torch.device("cpu"))
QUIET = Pace(monitors=1, tensorboard=False)


@pytest.mark.parametrize("frozen", [True, False])
def test_an_encoder_of_pictures_alone_carries_the_later_stages(
    frames: Frames, plan: TrainingPlan, tmp_path: Path, frozen: bool
) -> None:
    pictures = Frames.seen(frames.images, frames.starts, frames.lengths)
    alone = Trainer(
        replace(plan, stages=("pretrain",)), pictures, tmp_path / "a", CPU, 0, videos=[pictures], pace=QUIET
    )
    encoder = {name: value.clone() for name, value in alone.run().encoder.video.state_dict().items()}
    assert alone.finish().keys() == {"effective_rank", "channel_std"}
    after = replace(plan, stages=("joint", "heads"), freeze_video=frozen)
    later = Trainer(after, frames, tmp_path / "b", CPU, 0, init=tmp_path / "a", pace=QUIET).run()
    assert float(later.scaling.action_scale[0]) == pytest.approx(float(frames.actions[:, 0].std()), rel=0.2)
    moved = [not torch.equal(later.encoder.video.state_dict()[name], value) for name, value in encoder.items()]
    assert any(moved) is not frozen
    assert checkpoint.read(tmp_path / "b")[1]["stage"] == "heads"


def test_pictures_alone_cannot_train_a_predictor(frames: Frames, plan: TrainingPlan, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="give a --dataset"):
        Trainer(plan, Frames.seen(frames.images, frames.starts, frames.lengths), tmp_path, CPU, 0)


def test_weights_of_another_size_are_refused(frames: Frames, plan: TrainingPlan, tmp_path: Path) -> None:
    Trainer(replace(plan, stages=("heads",)), frames, tmp_path / "a", CPU, 0, pace=QUIET).run()
    wider = replace(plan, model=replace(plan.model, width=32))
    with pytest.raises(TrainingError, match="'width': 32"):
        Trainer(wider, frames, tmp_path / "b", CPU, 0, init=tmp_path / "a")


def test_a_run_of_a_plan_with_fewer_fields_goes_on(frames: Frames, plan: TrainingPlan, tmp_path: Path) -> None:
    Trainer(plan, frames, tmp_path, CPU, 0, pace=QUIET).run()
    text = (tmp_path / checkpoint.META).read_text()
    (tmp_path / checkpoint.META).write_text(text.replace('"regulariser": "vicreg",', ""))
    assert '"regulariser"' not in (tmp_path / checkpoint.META).read_text()
    Trainer(plan, frames, tmp_path, CPU, 0, pace=QUIET).run()


def test_rows_of_several_sources_are_found_in_their_own(frames: Frames) -> None:
    first, second = frames.images[:30], frames.images[30:50] + 1
    rows = np.array([[0, 29], [30, 49]])
    got = take_images([first, second], rows, torch.device("cpu")).numpy()
    assert np.array_equal(got[0], first[[0, 29]]) and np.array_equal(got[1], second[[0, 19]])
