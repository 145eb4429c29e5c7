"""Time of a plan as stable-worldmodel's CEM makes it with a LeWM of its published size, in torch.

Sizes of the predictor are those of the published Push-T model (arXiv 2603.19312): six layers of width 192 with 16 heads
of 64, feed-forward layers of 2048, a history of three frames, actions by adaptive layer norm. Its weights are random
here: they do not change the time. The encoder is left out, in its favour.
"""

from __future__ import annotations

import time

import torch
from torch import nn
from torch.nn import functional

WIDTH, DEPTH, HEADS, HEAD, FEED, HISTORY = 192, 6, 16, 64, 2048, 3
SAMPLES, ITERATIONS, HORIZON, ELITES = 300, 30, 5, 30
TIMED = 3
"""Iterations that are timed; each costs the same."""


class Layer(nn.Module):
    """Causal attention and a feed-forward layer, both modulated by the action."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH, elementwise_affine=False) for _ in range(2))
        self.into, self.out = nn.Linear(WIDTH, 3 * HEADS * HEAD, bias=False), nn.Linear(HEADS * HEAD, WIDTH)
        self.feed = nn.Sequential(nn.Linear(WIDTH, FEED), nn.GELU(), nn.Linear(FEED, WIDTH))
        self.modulation = nn.Linear(WIDTH, 6 * WIDTH)

    def forward(self, frames: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Frames and actions (B, T, WIDTH) to (B, T, WIDTH)."""
        shift, scale, gate, shift_2, scale_2, gate_2 = self.modulation(functional.silu(actions)).chunk(6, dim=-1)
        seen = self.norms[0](frames) * (1 + scale) + shift
        query, key, value = self.into(seen).unflatten(-1, (3, HEADS, HEAD)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        frames = frames + gate * self.out(mixed.transpose(1, 2).flatten(2))
        return frames + gate_2 * self.feed(self.norms[1](frames) * (1 + scale_2) + shift_2)


class Predictor(nn.Module):
    """The next frame's embedding from the last frames' and their actions."""

    def __init__(self, action: int) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(action, 4 * WIDTH), nn.SiLU(), nn.Linear(4 * WIDTH, WIDTH))
        self.place = nn.Parameter(torch.randn(1, HISTORY, WIDTH))
        self.layers = nn.ModuleList(Layer() for _ in range(DEPTH))
        self.project = nn.Sequential(
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, FEED), nn.BatchNorm1d(FEED), nn.GELU(), nn.Linear(FEED, WIDTH)
        )

    def forward(self, frames: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Frames (B, T, WIDTH) and embedded actions (B, T, WIDTH), T at most HISTORY, to the next frame (B, WIDTH)."""
        hidden = frames + self.place[:, : frames.shape[1]]
        for layer in self.layers:
            hidden = layer(hidden, actions)
        return self.project(hidden[:, -1])


@torch.inference_mode()
def plan_seconds(action: int, threads: int, seed: int, timed: int = TIMED) -> dict[str, float]:
    """Seconds of one plan of 300 samples, 30 iterations and horizon 5, from the time of some iterations.

    Args:
        action: Numbers of an action.
        threads: Threads of torch.
        timed: Iterations that are timed, after one that is not.

    Returns:
        `wall_s` and `cpu_s`, which a busy computer does not change much; `parameters_m`, millions in the predictor.
    """
    torch.manual_seed(seed)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        model, goal, start = Predictor(action).eval(), torch.randn(WIDTH), torch.randn(1, WIDTH)
        mean, std = torch.zeros(HORIZON, action), torch.ones(HORIZON, action)
        mean, std = iterate(model, start, goal, mean, std)
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(timed):
            mean, std = iterate(model, start, goal, mean, std)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    finally:
        torch.set_num_threads(before)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {
        "wall_s": wall * ITERATIONS / timed,
        "cpu_s": cpu * ITERATIONS / timed,
        "parameters_m": parameters / 1e6,
    }


def iterate(
    model: Predictor, start: torch.Tensor, goal: torch.Tensor, mean: torch.Tensor, std: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One iteration of CEM: samples around mean and std (H, A), rolls out, and refits to the elites."""
    actions = mean + std * torch.randn(SAMPLES, *mean.shape)
    actions[0] = mean
    embedded = model.embed(actions)
    frames = [start.expand(SAMPLES, -1)]
    for step in range(mean.shape[0]):
        first = max(0, step + 1 - HISTORY)
        frames.append(model(torch.stack(frames[first:], dim=1), embedded[:, first : step + 1]))
    energy = (frames[-1] - goal).square().sum(dim=1)
    elites = actions[energy.argsort()[:ELITES]]
    return elites.mean(0), elites.std(0)
