"""Where and how a run computes: device, precision, memory. None of it changes what is learned beyond rounding."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch.utils.checkpoint import checkpoint

from robot_wm.errors import TrainingError
from robot_wm.training.parallel import ALONE, Group

Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True)
class Compute:
    """How a run computes.

    Attributes:
        device: Where.
        group: The processes that share each batch.
        bf16: Whether modules run in bfloat16; losses, statistics and weights stay float32.
        accumulate: Parts into which a process cuts its share of a batch, to hold the encoder's activations of one part
            at a time. The parts' latents meet again before the losses, so that pairs and statistics are those of the
            whole batch; the price is a second forward pass.
    """

    device: torch.device
    group: Group = ALONE
    bf16: bool = False
    accumulate: int = 1

    def __post_init__(self) -> None:
        if self.accumulate < 1:
            raise TrainingError(f"accumulate is {self.accumulate}, expected 1 or more")

    def autocast(self) -> torch.autocast:
        """The context in which losses are computed."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def in_parts(
        self, forward: Callable[..., tuple[torch.Tensor, ...]], *inputs: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """`forward` of tensors that agree in their first dimension, as float32; activations of one part at a time."""
        if self.accumulate == 1:
            return tuple(output.float() for output in forward(*inputs))
        parts = zip(*(tensor.tensor_split(min(self.accumulate, len(tensor))) for tensor in inputs), strict=True)
        outputs = [checkpoint(forward, *part, use_reentrant=False) for part in parts]
        return tuple(torch.cat(pieces).float() for pieces in zip(*outputs, strict=True))


def choose_device(name: str) -> torch.device:
    """The device called `name`, of several GPUs the one of this process.

    Raises:
        TrainingError: The name is unknown, or a GPU is asked for and not there.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise TrainingError(f"device '{name}': expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device 'cuda': torch sees no CUDA GPU; install a CUDA build of torch or use --device cpu")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if local >= torch.cuda.device_count():
        raise TrainingError(
            f"process {local} of this machine has no GPU, torch sees {torch.cuda.device_count()}; "
            "start as many processes as there are GPUs"
        )
    device = torch.device("cuda", local)
    torch.cuda.set_device(device)
    return device


def runs_bf16(precision: Precision, device: torch.device) -> bool:
    """Whether to compute in bfloat16: "auto" does so on GPUs that have it."""
    return precision == "bf16" or (
        precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    )
