"""Pre-norm transformer blocks with rotary attention; parameters bear the names of the published V-JEPA 2 weights."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from robot_wm.perception.rotary import rotate

EPSILON = 1e-6
"""Of every LayerNorm."""


@dataclass(frozen=True)
class StackConfig:
    """Sizes of a stack of blocks.

    Attributes:
        width: Channels of a token.
        depth: Number of blocks.
        heads: Attention heads; they divide the width.
        hidden: Channels inside the feed-forward layer.
    """

    width: int
    depth: int
    heads: int
    hidden: int

    @property
    def head_width(self) -> int:
        """Channels of one head."""
        return self.width // self.heads


class RotaryAttention(nn.Module):
    """Self-attention whose queries and keys are turned by their places."""

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.proj = nn.Linear(config.width, config.width)

    def forward(
        self, tokens: torch.Tensor, turns: tuple[torch.Tensor, torch.Tensor], mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Tokens (B, N, D) to tokens (B, N, D); `turns` from `rotary.tables`, `mask` bool (N, N), true where seen."""
        query, key, value = self.qkv(tokens).unflatten(-1, (3, self.heads, -1)).unbind(2)
        query, key = rotate(query, *turns).transpose(1, 2), rotate(key, *turns).transpose(1, 2)
        attended = functional.scaled_dot_product_attention(query, key, value.transpose(1, 2), attn_mask=mask)
        return self.proj(attended.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two linear layers around the exact GELU."""

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.width, config.hidden)
        self.fc2 = nn.Linear(config.hidden, config.width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (B, N, D) to tokens (B, N, D)."""
        return self.fc2(functional.gelu(self.fc1(tokens)))


class RotaryBlock(nn.Module):
    """Rotary attention and a feed-forward layer, each behind a LayerNorm and beside a residual path."""

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width, eps=EPSILON)
        self.attn = RotaryAttention(config)
        self.norm2 = nn.LayerNorm(config.width, eps=EPSILON)
        self.mlp = FeedForward(config)

    def forward(
        self, tokens: torch.Tensor, turns: tuple[torch.Tensor, torch.Tensor], mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Tokens (B, N, D) to tokens (B, N, D); see `RotaryAttention`."""
        tokens = tokens + self.attn(self.norm1(tokens), turns, mask)
        return tokens + self.mlp(self.norm2(tokens))


def make_blocks(config: StackConfig) -> nn.ModuleList:
    """A stack of `config.depth` blocks."""
    return nn.ModuleList(RotaryBlock(config) for _ in range(config.depth))


def initialise(model: nn.Module, blocks: Iterable[nn.Module], std: float = 0.02) -> None:
    """Starting weights as published: truncated normal, output layers of deeper blocks smaller.

    A model on the meta device, which a checkpoint is about to fill, is left alone.
    """
    if next(model.parameters()).is_meta:
        return
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv3d):
            nn.init.trunc_normal_(module.weight, std=std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    with torch.no_grad():
        for index, block in enumerate(blocks, start=1):
            assert isinstance(block, RotaryBlock)
            block.attn.proj.weight.div_(math.sqrt(2.0 * index))
            block.mlp.fc2.weight.div_(math.sqrt(2.0 * index))
