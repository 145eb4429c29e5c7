"""The published V-JEPA 2 video encoder and its masked predictor (arXiv 2506.09985, section 2)."""

from __future__ import annotations

import torch
from torch import nn

from robot_wm.errors import ObservationError
from robot_wm.perception.rotary import coordinates, tables
from robot_wm.perception.rotary_block import EPSILON, initialise, make_blocks
from robot_wm.perception.vjepa import gather
from robot_wm.perception.vjepa2_config import MEAN, PATCH, STD, TUBELET, VJepa2Config


def normalise(frames: torch.Tensor) -> torch.Tensor:
    """Frames uint8 (B, T, H, W, 3) as the published weights expect them, float32 (B, T, 3, H, W)."""
    mean, std = (torch.tensor(values, device=frames.device) for values in (MEAN, STD))
    return ((frames.float() / 255.0 - mean) / std).permute(0, 1, 4, 2, 3)


class PatchEmbedding(nn.Module):
    """Tubelets of 2 × 16 × 16 pixels to tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(3, width, (TUBELET, PATCH, PATCH), stride=(TUBELET, PATCH, PATCH))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels (B, 3, T, H, W) to tokens (B, T/2 · H/16 · W/16, D)."""
        return self.proj(pixels).flatten(2).transpose(1, 2)


class VJepa2Encoder(nn.Module):
    """Clips to tokens."""

    def __init__(self, config: VJepa2Config) -> None:
        super().__init__()
        self.config = config
        self.patch_embed = PatchEmbedding(config.encoder.width)
        self.blocks = make_blocks(config.encoder)
        self.norm = nn.LayerNorm(config.encoder.width, eps=EPSILON)
        initialise(self, self.blocks)

    def forward(self, pixels: torch.Tensor, visible: torch.Tensor | None = None) -> torch.Tensor:
        """Encodes clips, or what is visible of them.

        Args:
            pixels: Normalised clips (B, T, 3, H, W); see `normalise`. A single frame is doubled to fill a tubelet.
            visible: Indices of the tokens to keep, int64 (B, V); None keeps all.

        Returns:
            Tokens (B, T/2 · H/16 · W/16, D), or (B, V, D).

        Raises:
            ObservationError: The clip does not divide into tubelets.
        """
        if pixels.shape[1] == 1:
            pixels = pixels.expand(-1, TUBELET, -1, -1, -1)
        grid = clip_grid(tuple(pixels.shape))
        tokens = self.patch_embed(pixels.transpose(1, 2))
        turns = tables(coordinates(*grid).to(tokens.device), self.config.encoder.head_width)
        if visible is not None:
            tokens = gather(tokens, visible)
            turns = turns[0][visible], turns[1][visible]
        for block in self.blocks:
            tokens = block(tokens, turns)
        return self.norm(tokens)


class VJepa2Predictor(nn.Module):
    """Predicts hidden tokens of a clip from the encoder's tokens of what is visible."""

    def __init__(self, config: VJepa2Config) -> None:
        super().__init__()
        self.config = config
        width = config.predictor.width
        self.predictor_embed = nn.Linear(config.encoder.width, width)
        self.mask_tokens = nn.ParameterList(torch.zeros(1, 1, width) for _ in range(config.mask_tokens))
        self.predictor_blocks = make_blocks(config.predictor)
        self.predictor_norm = nn.LayerNorm(width, eps=EPSILON)
        self.predictor_proj = nn.Linear(width, config.encoder.width)
        initialise(self, self.predictor_blocks)

    def forward(
        self, context: torch.Tensor, visible: torch.Tensor, masked: torch.Tensor, mask_index: int = 1
    ) -> torch.Tensor:
        """Predicts tokens.

        Args:
            context: The encoder's tokens (B, V, D).
            visible: Their indices in the clip, int64 (B, V).
            masked: Indices of the tokens to predict, int64 (B, M).
            mask_index: Which mask token stands for what is hidden; the published code takes 1.

        Returns:
            Predictions (B, M, D).
        """
        queries = self.mask_tokens[mask_index % len(self.mask_tokens)].expand(*masked.shape, -1)
        tokens = torch.cat([self.predictor_embed(context), queries], dim=1)
        turns = self._turns(torch.cat([visible, masked], dim=1))
        for block in self.predictor_blocks:
            tokens = block(tokens, turns)
        return self.predictor_proj(self.predictor_norm(tokens[:, visible.shape[1] :]))

    def _turns(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows, columns = self.config.grid
        time, place = indices // (rows * columns), indices % (rows * columns)
        return tables(torch.stack([time, place // columns, place % columns], -1), self.config.predictor.head_width)


def clip_grid(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Tokens in time, height and width of clips (B, T, 3, H, W); ObservationError when they do not divide."""
    if len(shape) != 5 or shape[2] != 3:
        raise ObservationError(f"clip: got shape {shape}, expected (batch, frames, 3, height, width)")
    frames, height, width = shape[1], shape[3], shape[4]
    if not min(frames, height, width) or frames % TUBELET or height % PATCH or width % PATCH:
        raise ObservationError(
            f"clip: got {frames} frames of {height}×{width}, expected a multiple of {TUBELET} frames and of {PATCH} "
            "pixels a side; crop or resize the frames"
        )
    return frames // TUBELET, height // PATCH, width // PATCH
