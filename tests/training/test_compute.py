"""Precision and memory do not change what is learned."""

from dataclasses import replace

import pytest
import torch

from robot_wm.errors import TrainingError
from robot_wm.training.compute import Compute, choose_device
from robot_wm.training.config import TrainingPlan
from robot_wm.training.optimise import make_optimizer, optimise
from robot_wm.training.parallel import Group
from robot_wm.training.pretrain import Pretrain
from robot_wm.training.stage import Stage
from robot_wm.training.stages import Joint
from robot_wm.training.windows import Frames
from robot_wm.world_model.model import WorldModel

CPU = torch.device("cpu")


def gradients(
    kind: type[Stage], plan: TrainingPlan, frames: Frames, compute: Compute
) -> tuple[dict[str, float], torch.Tensor]:
    torch.manual_seed(0)
    stage = kind(plan, WorldModel(plan.model), frames, compute, 0)
    values = optimise(stage, make_optimizer(stage), 2)
    return values, torch.cat([p.grad.flatten() for p in stage.parameters() if p.grad is not None])


@pytest.mark.parametrize("kind", [Pretrain, Joint])
@pytest.mark.parametrize("regulariser", ["vicreg", "sigreg"])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(
    frames: Frames, plan: TrainingPlan, kind: type[Stage], regulariser: str
) -> None:
    plan = replace(plan, regulariser=regulariser)
    whole, expected = gradients(kind, plan, frames, Compute(CPU))
    parts, got = gradients(kind, plan, frames, Compute(CPU, accumulate=3))
    assert parts == pytest.approx(whole, rel=1e-4, abs=1e-6)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", [Pretrain, Joint])
def test_bfloat16_comes_close_and_keeps_float32_weights(frames: Frames, plan: TrainingPlan, kind: type[Stage]) -> None:
    full, _ = gradients(kind, plan, frames, Compute(CPU))
    half, got = gradients(kind, plan, frames, Compute(CPU, bf16=True))
    assert got.dtype == torch.float32
    assert half != full
    assert half["loss"] == pytest.approx(full["loss"], rel=0.03)


def test_shares_of_a_batch_are_whole_and_do_not_overlap() -> None:
    taken = [index for rank in range(3) for index in range(50)[Group(rank, 3).share(50)]]
    assert taken == list(range(50))


def test_more_processes_than_samples_are_refused(frames: Frames, plan: TrainingPlan) -> None:
    with pytest.raises(TrainingError, match="a batch of 8 cannot be shared by 9"):
        Joint(plan, WorldModel(plan.model), frames, Compute(CPU, Group(0, 9)), 0)


def test_devices_are_named_or_refused() -> None:
    assert choose_device("cpu") == CPU
    with pytest.raises(TrainingError, match="expected auto, cpu or cuda"):
        choose_device("tpu")
    with pytest.raises(TrainingError, match="accumulate is 0"):
        Compute(CPU, accumulate=0)
