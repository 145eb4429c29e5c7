"""V-JEPA 2 modules rewritten for inference: the same numbers from fewer and better shaped operations.

Three things differ from the training modules. Channels of queries and keys are reordered so that the partners of a
rotation lie in the two halves of a head: products of queries and keys do not change, and slices become contiguous.
Tables of rotations and masks are constants for one size of clip. Linear layers see matrices (B · N, D), which
runtimes compute as one operation with its bias.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

from robot_wm.perception.rotary import coordinates, tables
from robot_wm.perception.rotary_block import RotaryBlock, StackConfig
from robot_wm.perception.vjepa2 import VJepa2Encoder
from robot_wm.perception.vjepa2_config import MEAN, PATCH, STD, TUBELET
from robot_wm.world_model.vjepa2_ac import ActionPredictor, causal_mask, step_places


class Turns(nn.Module):
    """Rotations of the tokens of one size of clip, for heads whose partners lie in the two halves."""

    cosines: torch.Tensor
    sines: torch.Tensor

    def __init__(self, places: torch.Tensor, head_width: int) -> None:
        super().__init__()
        order = halves_order(head_width)
        for name, table in zip(("cosines", "sines"), tables(places, head_width), strict=True):
            self.register_buffer(name, table[:, order].unsqueeze(1))

    def forward(self, heads: torch.Tensor) -> torch.Tensor:
        """Queries or keys (B, N, heads, head_width), turned."""
        lower, upper = heads.chunk(2, dim=-1)
        partners = torch.cat([upper, lower], dim=-1)
        return heads * self.cosines.to(heads.dtype) + partners * self.sines.to(heads.dtype)


def halves_order(head_width: int) -> torch.Tensor:
    """Indices that move the even channels of a head to its first half."""
    return torch.arange(head_width).unflatten(0, (-1, 2)).T.flatten()


class GraphBlock(nn.Module):
    """One block over matrices (B · N, D)."""

    def __init__(self, block: RotaryBlock, config: StackConfig) -> None:
        super().__init__()
        self.heads, self.width = config.heads, config.width
        self.norm1, self.norm2, self.mlp, self.proj = block.norm1, block.norm2, block.mlp, block.attn.proj
        self.query, self.key, self.value = _separate(block, config)

    def forward(self, tokens: torch.Tensor, turns: Turns, mask: torch.Tensor | None) -> torch.Tensor:
        """Tokens (B · N, D) to tokens (B · N, D)."""
        normed = self.norm1(tokens)
        shape = (-1, turns.cosines.shape[0], self.heads, self.width // self.heads)
        query, key = (turns(layer(normed).view(shape)).flatten(2) for layer in (self.query, self.key))
        value = self.value(normed).view(-1, *query.shape[1:])
        attended = cast(Any, torch.onnx.ops).attention(
            query, key, value, mask, q_num_heads=self.heads, kv_num_heads=self.heads
        )[0]
        tokens = tokens + self.proj(attended.view(-1, self.width))
        return tokens + self.mlp(self.norm2(tokens))


class GraphStack(nn.Module):
    """Blocks that share their rotations and their mask, bool (N, N)."""

    mask: torch.Tensor | None

    def __init__(
        self, blocks: nn.ModuleList, config: StackConfig, places: torch.Tensor, mask: torch.Tensor | None = None
    ) -> None:
        super().__init__()
        self.turns = Turns(places, config.head_width)
        self.blocks = nn.ModuleList(GraphBlock(cast(RotaryBlock, block), config) for block in blocks)
        self.register_buffer("mask", mask)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (B · N, D) to tokens (B · N, D)."""
        for block in self.blocks:
            tokens = block(tokens, self.turns, self.mask)
        return tokens


def _separate(block: RotaryBlock, config: StackConfig) -> list[nn.Linear]:
    """Linear layers of queries, keys (both reordered) and values."""
    order = halves_order(config.head_width)
    places = (torch.arange(config.heads)[:, None] * config.head_width + order).flatten()
    layers = []
    for index, kept in enumerate((places, places, torch.arange(config.width))):
        layer = nn.Linear(config.width, config.width, device="meta")
        rows = index * config.width + kept
        parameters = {"weight": block.attn.qkv.weight.detach()[rows], "bias": block.attn.qkv.bias.detach()[rows]}
        layer.load_state_dict(parameters, assign=True)
        layers.append(layer)
    return layers


class GraphEncoder(nn.Module):
    """Frames as a camera gives them to tokens, for one size of clip and any batch.

    Args:
        encoder: The encoder; its parameters are shared or copied, not changed.
        frames: Frames T of a clip, even.
        image_size: Height and width of a frame, pixels.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, encoder: VJepa2Encoder, frames: int, image_size: int) -> None:
        super().__init__()
        side = image_size // PATCH
        self.cells = (frames // TUBELET, TUBELET, side, PATCH, side, PATCH, 3)
        width = encoder.config.encoder.width
        self.patch_embed = nn.Linear(TUBELET * PATCH * PATCH * 3, width, device="meta")
        kernel = encoder.patch_embed.proj.weight.detach().permute(0, 2, 3, 4, 1).flatten(1)
        bias = encoder.patch_embed.proj.bias
        assert bias is not None
        self.patch_embed.load_state_dict({"weight": kernel.contiguous(), "bias": bias.detach()}, assign=True)
        self.blocks = GraphStack(encoder.blocks, encoder.config.encoder, coordinates(frames // TUBELET, side, side))
        self.norm = encoder.norm
        self.tokens = frames // TUBELET * side * side
        for name, values in (("mean", MEAN), ("std", STD)):
            self.register_buffer(name, 255.0 * torch.tensor(values).repeat(TUBELET * PATCH * PATCH))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames uint8 (B, T, H, W, 3) to tokens float32 (B, T/2 · H/16 · W/16, D)."""
        cells = frames.view(-1, *self.cells).permute(0, 1, 3, 5, 2, 4, 6, 7)
        pixels = (cells.reshape(-1, self.mean.shape[0]).float() - self.mean) / self.std
        tokens = self.blocks(self.patch_embed(pixels.to(self.patch_embed.weight.dtype)))
        return self.norm(tokens).float().view(-1, self.tokens, tokens.shape[1])


class GraphActionPredictor(nn.Module):
    """The action-conditioned predictor for a fixed number of steps and any batch.

    As no step sees a later one, fewer steps can be asked for by filling up with anything finite.
    """

    def __init__(self, predictor: ActionPredictor, steps: int) -> None:
        super().__init__()
        config = predictor.config
        self.config, self.steps = config, steps
        self.predictor_embed = predictor.predictor_embed
        self.action_encoder, self.state_encoder = predictor.action_encoder, predictor.state_encoder
        self.extrinsics_encoder = predictor.extrinsics_encoder if config.extrinsics else None
        places = step_places(config, steps)
        mask = causal_mask(places[:, 0]) if steps > 1 else None
        self.blocks = GraphStack(predictor.predictor_blocks, config.stack, places, mask)
        self.norm, self.proj = predictor.predictor_norm, predictor.predictor_proj

    def forward(
        self,
        tokens: torch.Tensor,
        actions: torch.Tensor,
        states: torch.Tensor,
        extrinsics: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Tokens (B, T · n, D), actions, states (B, T, 7) and extrinsics (B, T, 6), float32, to such tokens."""
        dtype, width = self.proj.weight.dtype, self.config.stack.width
        conditions = [self.action_encoder(actions.to(dtype)), self.state_encoder(states.to(dtype))]
        if self.extrinsics_encoder is not None and extrinsics is not None:
            conditions.append(self.extrinsics_encoder(extrinsics.to(dtype)))
        rows, columns = self.config.grid
        frames = self.predictor_embed(tokens.to(dtype)).view(-1, self.steps, rows * columns, width)
        sequence = torch.cat([*(part.unsqueeze(2) for part in conditions), frames], dim=2)
        sequence = self.blocks(sequence.view(-1, width)).view(sequence.shape)
        frames = sequence[:, :, self.config.conditions :].reshape(-1, width)
        return self.proj(self.norm(frames)).float().view(tokens.shape)
