"""A small V-JEPA-style predictor of clips: the dense tokens of the next frame from those of the frames before."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

WINDOW = 12
"""Frames that it sees at most."""
CHANGE = 3.0
"""Weight of what changes against what stays, in the loss."""
REACH = 5
"""Places across which a layer mixes."""


class ClipPredictor(nn.Module):
    """Layers that mix the places of a frame and its motion, two of which attend over the past of each place.

    What is expected of a place is the sum of four things: what was seen there before, found by attention over time, so
    that what a curtain hides for a while is still at hand when it rises; what is now at other places and comes here,
    found by attention over space; the place's last change, as by inertia; and something new. The first three begin with
    no weight, so that an untrained predictor remembers nothing. Predictions are of tokens without their mean at each
    place, at unit scale, as in pre-training (`robot_wm.perception.vjepa.normalise_targets`), here with the training
    clips' figures.

    Args:
        places: Tokens n of a frame, a square grid.
        channels: Their channels.
        width: Channels inside.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, places: int, channels: int, width: int = 64, depth: int = 4, heads: int = 2) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(places, channels))
        self.register_buffer("scale", torch.ones(()))
        self.inner = nn.Linear(3 * channels, width)
        self.place = nn.Parameter(0.1 * torch.randn(places, width))
        self.time = nn.Parameter(0.1 * torch.randn(WINDOW, 1, width))
        self.layers = nn.ModuleList(_Layer(width, heads, past=index % 2 == 0) for index in range(depth))
        self.norm, self.new, self.gate = nn.LayerNorm(width), nn.Linear(width, channels), nn.Linear(width, 1)
        self.memory, self.transport = _Memory(width), _Transport(places, width)
        self.trust = nn.Parameter(torch.zeros(3))

    def fit_scale(self, tokens: torch.Tensor) -> None:
        """Takes mean and scale from the tokens of training clips (M, n, channels)."""
        self.mean.copy_(tokens.mean(0))
        self.scale.copy_((tokens - self.mean).std() + 1e-5)

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Predicts what follows every frame of a window from it and those before it.

        Args:
            tokens: Dense tokens (B, WINDOW, n, channels).

        Returns:
            The normalised tokens, and what is expected in the frame after each, both shaped as `tokens`.
        """
        target = (tokens - self.mean) / self.scale
        change = _change(target)
        hidden = self.inner(torch.cat([target, change, _change(change)], dim=-1)) + self.place + self.time
        for layer in self.layers:
            hidden = layer(hidden)
        hidden = self.norm(hidden)
        recalled, brought = self.memory(hidden, target), self.transport(hidden, target)
        going_on = 2.0 * self.gate(hidden).sigmoid() * change
        known = self.trust[0] * recalled + self.trust[1] * brought + self.trust[2] * going_on
        return target, self.new(hidden) + known

    def loss(self, tokens: torch.Tensor) -> torch.Tensor:
        """Mean L1 between expected and true tokens over all frames; what changes weighs more."""
        target, expected = self(tokens)
        weight = 1.0 + CHANGE * (target[:, 1:] - target[:, :-1]).abs().mean(-1, keepdim=True)
        error = (expected[:, :-1] - target[:, 1:]).abs()
        return (weight * error).mean() / weight.mean()


def _change(tokens: torch.Tensor) -> torch.Tensor:
    """Each frame of (B, T, n, channels) less the one before; nothing for the first."""
    return torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, 1:] - tokens[:, :-1]], dim=1)


class _Memory(nn.Module):
    """Recalls what was seen at each place."""

    future: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.ago = nn.Parameter(torch.zeros(WINDOW, WINDOW))
        self.register_buffer("future", torch.full((WINDOW, WINDOW), -1e4).triu(1))

    def forward(self, hidden: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Hidden (B, T, n, width) and seen (B, T, n, channels) to recalled (B, T, n, channels)."""
        query, key = self.query(hidden).transpose(1, 2), self.key(hidden).permute(0, 2, 3, 1)
        scores = query @ key / hidden.shape[-1] ** 0.5 + self.ago + self.future
        return (scores.softmax(-1) @ seen.transpose(1, 2)).transpose(1, 2)


class _Transport(nn.Module):
    """Brings to each place what is now at others, at first from nearby."""

    offsets: torch.Tensor

    def __init__(self, places: int, width: int) -> None:
        super().__init__()
        side = round(places**0.5)
        rows, columns = (torch.arange(places) // side, torch.arange(places) % side)
        down, right = rows[:, None] - rows, columns[:, None] - columns
        self.register_buffer("offsets", (down + side - 1) * (2 * side - 1) + right + side - 1)
        reach = torch.arange(1 - side, side).square()
        near = -0.5 * (reach[:, None] + reach).flatten().float()
        self.way = nn.Parameter(near)
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, hidden: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Hidden (B, T, n, width) and seen (B, T, n, channels) to brought (B, T, n, channels)."""
        scores = self.query(hidden) @ self.key(hidden).transpose(2, 3) / hidden.shape[-1] ** 0.5
        return (scores + self.way[self.offsets]).softmax(-1) @ seen


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, past: bool) -> None:
        super().__init__()
        self.past = _Past(width, heads) if past else None
        self.space = nn.Conv2d(width, width, REACH, padding=REACH // 2, groups=width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width)
        )

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, T, n, width) to the same."""
        if self.past is not None:
            hidden = hidden + self.past(hidden)
        _, frames, places, width = hidden.shape
        side = round(places**0.5)
        grid = self.space(hidden.reshape(-1, side, side, width).permute(0, 3, 1, 2))
        return hidden + self.mlp(grid.permute(0, 2, 3, 1).reshape(-1, frames, places, width))


class _Past(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.qkv, self.proj = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Attends over the frames up to each frame of (B, T, n, width), place by place."""
        _, frames, places, width = hidden.shape
        parts = self.qkv(self.norm(hidden)).transpose(1, 2).reshape(-1, frames, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.proj(attended.transpose(1, 2).reshape(-1, places, frames, width)).transpose(1, 2)
