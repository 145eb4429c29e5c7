"""A small V-JEPA-style predictor of clips: the dense tokens of the next frames from those of the frames before."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

WINDOW = 12
"""Frames that it sees at most."""
HORIZONS = (1, 2, 4)
"""Frames ahead that it predicts."""


class ClipPredictor(nn.Module):
    """Layers that attend over the places of a frame, then over the past of each place.

    The past of a place is remembered however long something hides it, as attention over time reaches to the beginning
    of the window. Predictions are of tokens without their mean at each place, at unit scale, as in pre-training
    (`robot_wm.perception.vjepa.normalise_targets`), here with the figures of the training clips.

    Args:
        places: Tokens n of a frame.
        channels: Their channels.
        width: Channels inside.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, places: int, channels: int, width: int = 64, depth: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(places, channels))
        self.register_buffer("scale", torch.ones(()))
        self.inner = nn.Linear(channels, width)
        self.place = nn.Parameter(0.1 * torch.randn(places, width))
        self.time = nn.Parameter(0.1 * torch.randn(WINDOW, 1, width))
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(depth))
        self.norm, self.outer = nn.LayerNorm(width), nn.Linear(width, len(HORIZONS) * channels)

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
        expected = self.outer(self.norm(hidden)).unflatten(-1, (len(HORIZONS), -1))
        return target, expected.transpose(2, 3)

    def loss(self, tokens: torch.Tensor) -> torch.Tensor:
        """Mean L1 between expected and true tokens over all frames and horizons."""
        target, expected = self(tokens)
        errors = [
            functional.l1_loss(expected[:, :-ahead, index], target[:, ahead:]) for index, ahead in enumerate(HORIZONS)
        ]
        return torch.stack(errors).mean()


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.space, self.past = _Attention(width, heads, causal=False), _Attention(width, heads, causal=True)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, T, n, width) to the same."""
        hidden = hidden + self.space(hidden)
        hidden = hidden + self.past(hidden.transpose(1, 2)).transpose(1, 2)
        return hidden + self.mlp(hidden)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm, self.qkv, self.proj = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Attends over the last but one axis of (B, groups, N, width)."""
        _, groups, count, width = hidden.shape
        parts = self.qkv(self.norm(hidden)).reshape(-1, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        return self.proj(attended.transpose(1, 2).reshape(-1, groups, count, width))
