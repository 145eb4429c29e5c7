"""One optimiser step, of a stage or a small module; numbers that are not finite never reach the weights."""

from __future__ import annotations

import torch

from robot_wm.errors import TrainingError
from robot_wm.training.config import Schedule
from robot_wm.training.stage import Stage


def make_optimizer(stage: Stage) -> torch.optim.Optimizer:
    """AdamW over what the stage trains."""
    return torch.optim.AdamW(
        stage.parameters(), lr=stage.schedule.rate, weight_decay=stage.plan.decay, betas=(0.9, 0.99)
    )


def optimise(stage: Stage, optimizer: torch.optim.Optimizer, step: int) -> dict[str, float]:
    """Makes one step and returns the loss and its terms over the global batch.

    Raises:
        TrainingError: Loss or gradient are not finite, in any process; the weights are as before the step.
    """
    for group in optimizer.param_groups:
        group["lr"] = stage.schedule.rate_at(step)
    with stage.compute.autocast():
        loss, terms = stage.loss(step)
    shares = torch.stack([loss, *terms.values()]).detach().float()
    total = stage.compute.group.total(shares).tolist()
    values = dict(zip(("loss", *terms), total, strict=True))
    if not all(map(_finite, total)):
        raise _stopped(stage, step, f"the loss is not finite ({values})")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    stage.compute.group.sum_gradients(stage.parameters())
    norm = torch.nn.utils.clip_grad_norm_(stage.parameters(), stage.plan.clip)
    if not _finite(norm.item()):
        raise _stopped(stage, step, f"the gradient is not finite (losses: {values})")
    optimizer.step()
    stage.after_step()
    return values


def descend(
    optimizer: torch.optim.Optimizer,
    schedule: Schedule,
    step: int,
    loss: torch.Tensor,
    what: str,
    clip: float | None = None,
) -> None:
    """Makes one step of what is trained by itself, in one process.

    Args:
        optimizer: Its groups may have a "pace", by which the schedule's rate is multiplied.
        what: Name of what is trained, for the error.
        clip: Largest gradient norm.

    Raises:
        TrainingError: The loss is not finite; the weights are as before the step.
    """
    if not torch.isfinite(loss):
        raise TrainingError(f"{what}, step {step}: the loss is {loss.item()}; lower the learning rate")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    for group in optimizer.param_groups:
        group["lr"] = group.get("pace", 1.0) * schedule.rate_at(step)
    if clip is not None:
        torch.nn.utils.clip_grad_norm_([each for group in optimizer.param_groups for each in group["params"]], clip)
    optimizer.step()


def _finite(value: float) -> bool:
    return abs(value) < float("inf")


def _stopped(stage: Stage, step: int, what: str) -> TrainingError:
    return TrainingError(
        f"stage {stage.name}, step {step}: {what}; {stage.source()}. The last checkpoint is from before; "
        "lower the learning rate or look at these episodes"
    )
