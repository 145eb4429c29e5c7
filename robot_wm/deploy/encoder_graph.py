"""The small encoder rewritten for inference on single pictures: the same numbers from fewer operations.

Space-to-depth, scaling and the first convolution become one convolution with a stride, over pictures as they lie in
memory: the colours of a pixel count as columns, so that nothing is laid out anew. The two frames of the tubelet are
the same picture, so that its kernel is summed over time and the convolution is flat. Layers work on matrices
(B · n, D), which runtimes compute as one operation with its bias; attention is the operator of ONNX.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.onnx.ops
from torch import nn

from robot_wm.perception.encoder import PATCH, Encoder
from robot_wm.perception.transformer import Block


class GraphImageEncoder(nn.Module):
    """Pictures to the latent that planning uses and the dense tokens below it; compares to `Encoder.dense`.

    Args:
        encoder: The encoder; its parameters are shared or copied, not changed.
    """

    positions: torch.Tensor

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        video = encoder.video
        self.entry = _entry(cast(nn.Conv2d, video.stem[1]))
        self.stem = video.stem[2:]
        self.cells = _flat(video.tubelets)
        self.norm, self.last_norm = video.norm, video.transformer.norm
        self.blocks = nn.ModuleList(GraphImageBlock(cast(Block, block)) for block in video.transformer.blocks)
        self.readout = encoder.readout
        rows, columns = video.config.grid
        self.register_buffer("positions", video.positions[: rows * columns].detach().clone())

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures uint8 (B, H, W, 3) to latents (B, N, D) and dense tokens (B, n, width)."""
        _, height, columns, colours = image.shape
        features = self.stem(self.entry(image.reshape(-1, 1, height, columns * colours).float()))
        tokens = self.norm(self.cells(features).permute(0, 2, 3, 1).flatten(1, 2)) + self.positions
        count, width = self.positions.shape
        rows = tokens.reshape(-1, width)
        for block in self.blocks:
            rows = block(rows, count)
        dense = self.last_norm(rows).view(-1, count, width)
        return self.readout(dense), dense


class GraphImageBlock(nn.Module):
    """One block over matrices (B · n, D)."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.heads, self.norm1, self.norm2, self.mlp = block.heads, block.norm1, block.norm2, block.mlp
        weights, biases = (part.detach().chunk(3) for part in (block.qkv.weight, block.qkv.bias))
        self.parts = nn.ModuleList(_linear(weight, bias) for weight, bias in zip(weights, biases, strict=True))
        self.proj = block.proj

    def forward(self, tokens: torch.Tensor, count: int) -> torch.Tensor:
        """Tokens (B · n, D) of pictures with n = `count` tokens to tokens (B · n, D)."""
        width, normed = tokens.shape[1], self.norm1(tokens)
        query, key, value = (part(normed).view(-1, count, width) for part in self.parts)
        attended = torch.onnx.ops.attention(query, key, value, q_num_heads=self.heads, kv_num_heads=self.heads)[0]
        tokens = tokens + self.proj(attended.reshape(-1, width))
        return tokens + self.mlp(self.norm2(tokens))


def _entry(pointwise: nn.Conv2d) -> nn.Conv2d:
    """Space-to-depth and a pointwise convolution of pixels on [-1, 1] as one of rows (H, 3 · W) on [0, 255]."""
    weight, bias = pointwise.weight.detach(), pointwise.bias
    assert bias is not None
    patch = (PATCH, 3 * PATCH)
    entry = nn.Conv2d(1, weight.shape[0], patch, stride=patch)
    kernel = weight.reshape(-1, 3, PATCH, PATCH).permute(0, 2, 3, 1).reshape(-1, 1, *patch)
    entry.load_state_dict({"weight": kernel / 127.5, "bias": bias.detach() - kernel.sum((1, 2, 3))})
    return entry


def _flat(tubelets: nn.Conv3d) -> nn.Conv2d:
    """The convolution over clips of one picture, said twice."""
    weight, bias = tubelets.weight.detach().sum(2), tubelets.bias
    assert bias is not None
    flat = nn.Conv2d(weight.shape[1], weight.shape[0], 3, stride=2, padding=1)
    flat.load_state_dict({"weight": weight, "bias": bias.detach()})
    return flat


def _linear(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer
