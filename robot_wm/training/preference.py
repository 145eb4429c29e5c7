"""Learns an energy of latents from judged pairs of clips."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from robot_wm.training.config import Schedule
from robot_wm.training.optimise import descend


class PreferenceHead(nn.Module):
    """A small network from a frozen latent to an energy.

    It is never negative, so that what nobody minds costs nothing.

    Args:
        mean: (N, D) of the latents that it is trained on.
        std: (N, D) of them.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: torch.Tensor, std: torch.Tensor, width: int = 24) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.network = nn.Sequential(nn.Linear(mean.numel(), width), nn.GELU(), nn.Linear(width, 1))

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents (M, N, D) to energies (M,)."""
        return functional.softplus(self.network(((latents - self.mean) / self.std).flatten(1)).squeeze(1))


Pairs = list[tuple[np.ndarray, np.ndarray]]
"""Latents (T, N, D) of the better and of the worse clip; lengths may differ."""


def fit(pairs: Pairs, schedule: Schedule, seed: int, *, decay: float = 0.1, noise: float = 0.3) -> PreferenceHead:
    """Maximises the likelihood of the judgements (Bradley & Terry 1952).

    Args:
        decay: Weight decay; pairs are few.
        noise: Spread of the noise on latents, in their standard deviations; for the same reason.

    Raises:
        TrainingError: The loss is not finite.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    frames = torch.from_numpy(np.concatenate([clip for pair in pairs for clip in pair]))
    head = PreferenceHead(frames.mean(0), frames.std(0) + 1e-3)
    clips = [(torch.from_numpy(better), torch.from_numpy(worse)) for better, worse in pairs]
    optimizer = torch.optim.AdamW(head.parameters(), lr=schedule.rate, weight_decay=decay)
    for step in range(schedule.steps):
        chosen = [clips[i] for i in rng.integers(len(clips), size=schedule.batch)]
        better, worse = (_energies(head, [pair[side] for pair in chosen], noise) for side in (0, 1))
        loss = -functional.logsigmoid(worse - better).mean()
        descend(optimizer, schedule, step, loss, "preference")
    return head.eval()


@torch.inference_mode()
def accuracy(head: PreferenceHead, pairs: Pairs) -> float:
    """Share of the pairs whose better clip has the lower energy."""
    better, worse = (_energies(head, [torch.from_numpy(pair[side]) for pair in pairs], 0.0) for side in (0, 1))
    return float((better < worse).float().mean())


def _energies(head: PreferenceHead, clips: list[torch.Tensor], noise: float) -> torch.Tensor:
    """Mean energy of each clip (B,)."""
    frames = torch.cat(clips)
    if noise:
        frames = frames + noise * head.std * torch.randn_like(frames)
    return torch.stack([part.mean() for part in head(frames).split([len(clip) for clip in clips])])
