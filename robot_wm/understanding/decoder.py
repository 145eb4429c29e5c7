"""A small decoder that turns latents into pictures, for the eye only: nothing plans with it."""

from __future__ import annotations

import torch
from torch import nn

BASE = 6
"""Rows and columns that the latent is spread on; each stage doubles them."""


class Decoder(nn.Module):
    """A linear map to a coarse grid, and convolutions that each double its resolution.

    Args:
        latent: Numbers in a latent, N · D.
        size: Height and width of the picture, pixels, `BASE` times a power of two.
        width: Channels inside.
    """

    def __init__(self, latent: int, size: int, width: int = 20) -> None:
        super().__init__()
        stages = (size // BASE).bit_length() - 1
        if BASE << stages != size or stages < 1:
            raise ValueError(f"size is {size}; expected {BASE} times a power of two")
        self.spread = nn.Linear(latent, BASE * BASE * width)
        doubling = [
            nn.Sequential(nn.GELU(), nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2))
            for _ in range(stages - 1)
        ]
        last = nn.Sequential(nn.GELU(), nn.Conv2d(width, 4 * 3, 3, padding=1), nn.PixelShuffle(2))
        self.stages = nn.Sequential(*doubling, last)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents (B, N, D) to pictures (B, H, W, 3), 0…1."""
        coarse = self.spread(latents.flatten(1)).unflatten(1, (-1, BASE, BASE))
        return self.stages(coarse).sigmoid().permute(0, 2, 3, 1)
