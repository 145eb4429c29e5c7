"""Data parallel training: each process works on its share of one global batch, and all compute one loss.

Every process returns its *share* of the loss: the shares of all add up to the loss that one process would have computed
on the whole batch. Means over samples divide a local sum by the global count; statistics over the batch
are computed from sums over all processes, through which gradients flow.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn

from robot_wm.errors import TrainingError


class _Total(torch.autograd.Function):
    """Sum over processes; as each process's share of the loss depends on it, so is its gradient."""

    @staticmethod
    def forward(context: Any, tensor: torch.Tensor) -> torch.Tensor:
        summed = tensor.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(summed)
        return summed

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        return _Total.forward(context, gradient)


@dataclass(frozen=True)
class Group:
    """The processes that train one model together; the default is one alone."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes checkpoints and journals."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """The samples of a global batch of `count` that are this process's."""
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def total(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum over all processes; gradients flow back to each of them."""
        return tensor if self.size == 1 else _Total.apply(tensor)

    def gather(self, part: torch.Tensor, count: int) -> torch.Tensor:
        """All `count` rows of which each process has its share `part`; gradients flow back to their owners."""
        if self.size == 1:
            return part
        mine = self.share(count)
        before, after = part.new_zeros(mine.start, *part.shape[1:]), part.new_zeros(count - mine.stop, *part.shape[1:])
        return self.total(torch.cat([before, part, after]))

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces each gradient by its sum over all processes."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if self.size == 1 or not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        for gradient, summed in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(summed.view_as(gradient))

    def wait(self) -> None:
        """Returns when all processes have come here."""
        if self.size > 1:
            distributed.barrier()


ALONE = Group()


def join_group(device: torch.device) -> Group:
    """The group that `torchrun` describes in the environment, joined over NCCL or, on CPUs, gloo; else one alone.

    Raises:
        TrainingError: the other processes cannot be reached.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return ALONE
    try:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    except (ValueError, RuntimeError) as error:
        raise TrainingError(
            f"the {size} processes of this run cannot meet ({error}); start them with torchrun"
        ) from error
    return Group(distributed.get_rank(), distributed.get_world_size())


def leave_group(group: Group) -> None:
    """Ends the communication of `join_group`."""
    if group.size > 1:
        distributed.destroy_process_group()
