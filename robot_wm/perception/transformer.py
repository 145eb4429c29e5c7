"""Pre-norm transformer blocks and fixed sine-cosine positions in time and space."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """Self-attention and a four times wider feed-forward layer, each behind a LayerNorm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (B, N, D) to tokens (B, N, D)."""
        batch, count, width = tokens.shape
        qkv = self.qkv(self.norm1(tokens)).reshape(batch, count, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.proj(attended.transpose(1, 2).reshape(batch, count, width))
        return tokens + self.mlp(self.norm2(tokens))


class Transformer(nn.Module):
    """A stack of blocks and a final LayerNorm."""

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (B, N, D) to normalised tokens (B, N, D)."""
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)


def positions(frames: int, rows: int, columns: int, width: int) -> torch.Tensor:
    """Sine-cosine codes (frames · rows · columns, width); a third of the width codes time, row and column each."""
    axis_width = width // 6 * 2
    axes = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in (frames, rows, columns)), indexing="ij")
    frequency = 100.0 ** (-torch.arange(0, axis_width, 2) / axis_width)
    phases = [axis.flatten()[:, None] * frequency for axis in axes]
    code = torch.cat([part for phase in phases for part in (phase.sin(), phase.cos())], dim=1)
    return functional.pad(code, (0, width - code.shape[1]))
