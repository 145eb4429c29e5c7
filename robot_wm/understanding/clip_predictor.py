"""A small V-JEPA-style predictor of clips: the dense tokens of the next frames from those of the frames before."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

WINDOW = 12
"""Frames that it sees at most."""
HORIZONS = (1, 2, 4)
"""Frames ahead that it predicts."""


CHANGE = 3.0
"""Weight of what changes against what stays, in the loss."""


class ClipPredictor(nn.Module):
    """Layers that mix neighbouring places of a frame and attend over the past of each place.

    What is expected of a place is a blend of what was seen there before and of something new. Attention over time finds
    what was seen, so that what a curtain hides for a while is still at hand when it rises; it begins with no weight, so
    that an untrained predictor remembers nothing. Predictions are of tokens without their mean at each place, at unit
    scale, as in pre-training (`robot_wm.perception.vjepa.normalise_targets`), here with the training clips' figures.

    Args:
        places: Tokens n of a frame, a square grid.
        channels: Their channels.
        width: Channels inside.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, places: int, channels: int, width: int = 64, depth: int = 2, heads: int = 2) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(places, channels))
        self.register_buffer("scale", torch.ones(()))
        self.inner = nn.Linear(channels, width)
        self.place = nn.Parameter(0.1 * torch.randn(places, width))
        self.time = nn.Parameter(0.1 * torch.randn(WINDOW, 1, width))
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(depth))
        self.norm, self.new = nn.LayerNorm(width), nn.Linear(width, len(HORIZONS) * channels)
        self.memory = _Memory(width)
        self.trust = nn.Parameter(torch.zeros(len(HORIZONS), 1, 1))

    def fit_scale(self, tokens: torch.Tensor) -> None:
        """Takes mean and scale from the tokens of training clips (M, n, channels)."""
        self.mean.copy_(tokens.mean(0))
        self.scale.copy_((tokens - self.mean).std() + 1e-5)

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Predicts from every frame of a window and those before it.

        Args:
            tokens: Dense tokens (B, WINDOW, n, channels).

        Returns:
            The normalised tokens, shaped as `tokens`, and what is expected `HORIZONS` frames after each frame,
            (B, WINDOW, horizons, n, channels).
        """
        target = (tokens - self.mean) / self.scale
        hidden = self.inner(target) + self.place + self.time
        for layer in self.layers:
            hidden = layer(hidden)
        hidden = self.norm(hidden)
        new = self.new(hidden).unflatten(-1, (len(HORIZONS), -1)).transpose(2, 3)
        return target, new + self.trust * self.memory(hidden, target)

    def loss(self, tokens: torch.Tensor) -> torch.Tensor:
        """Mean L1 between expected and true tokens over all frames and horizons; what changes weighs more."""
        target, expected = self(tokens)
        errors = []
        for index, ahead in enumerate(HORIZONS):
            change = (target[:, ahead:] - target[:, :-ahead]).abs().mean(-1, keepdim=True)
            weight = 1.0 + CHANGE * change
            error = (expected[:, :-ahead, index] - target[:, ahead:]).abs()
            errors.append((weight * error).mean() / weight.mean())
        return torch.stack(errors).mean()


class _Memory(nn.Module):
    """Recalls what was seen at each place, for each horizon from frames of its own choice."""

    future: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, len(HORIZONS) * width), nn.Linear(width, width)
        self.ago = nn.Parameter(torch.zeros(len(HORIZONS), WINDOW, WINDOW))
        self.register_buffer("future", torch.full((WINDOW, WINDOW), -1e4).triu(1))

    def forward(self, hidden: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Hidden (B, T, n, width) and seen (B, T, n, channels) to recalled (B, T, horizons, n, channels)."""
        query = self.query(hidden).unflatten(-1, (len(HORIZONS), -1)).permute(0, 2, 3, 1, 4)
        key = self.key(hidden).permute(0, 2, 3, 1)[:, :, None]
        scores = query @ key / hidden.shape[-1] ** 0.5 + self.ago + self.future
        return (scores.softmax(-1) @ seen.transpose(1, 2)[:, :, None]).permute(0, 3, 2, 1, 4)


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.space, self.past = _Neighbours(width), _Past(width, heads)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, T, n, width) to the same."""
        hidden = hidden + self.space(hidden)
        hidden = hidden + self.past(hidden)
        return hidden + self.mlp(hidden)


class _Neighbours(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.mix = nn.LayerNorm(width), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Mixes each place of (B, T, n, width) with those around it."""
        _, frames, places, width = hidden.shape
        side = round(places**0.5)
        grid = self.norm(hidden).reshape(-1, side, side, width).permute(0, 3, 1, 2)
        return self.mix(grid).permute(0, 2, 3, 1).reshape(-1, frames, places, width)


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
