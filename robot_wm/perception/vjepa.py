"""V-JEPA pre-training: predict the hidden tubes' representation from the visible rest, never the pixels."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from robot_wm.perception.encoder import STRIDE, TUBELET_FRAMES, VideoEncoder
from robot_wm.perception.masks import split_indices
from robot_wm.perception.transformer import Transformer


def gather(tokens: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Picks tokens (B, M, D) out of (B, N, D) at `indices` (B, M)."""
    return tokens.gather(1, indices[..., None].expand(-1, -1, tokens.shape[-1]))


Total = Callable[[torch.Tensor], torch.Tensor]
"""Adds a tensor up over all processes that share a batch."""
InParts = Callable[..., tuple[torch.Tensor, ...]]
"""Calls a function of tensors that agree in their first dimension, perhaps part by part."""


def alone(tensor: torch.Tensor) -> torch.Tensor:
    """The `Total` of one process."""
    return tensor


def whole(forward: Callable[..., tuple[torch.Tensor, ...]], *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The `InParts` that makes one part of all."""
    return forward(*inputs)


def normalise_targets(tokens: torch.Tensor, total: Total = alone) -> torch.Tensor:
    """Targets (B, N, D) as what varies at each place, at unit scale; statistics are over all processes.

    A fixed camera sees the same background at the same place in every clip. The mean token of each place is therefore
    taken away (the centring of DINO, arXiv 2104.14294, place by place); else a code of the place alone would predict
    most of the target, and the encoder would forget what moves.
    """
    count = total(tokens.new_tensor(float(len(tokens))))
    centred = tokens - total(tokens.sum(dim=0, keepdim=True)) / count
    variance = total(centred.square().sum()) / (count * tokens[0].numel() - 1)
    return centred / (variance.sqrt() + 1e-5)


class MaskedPredictor(nn.Module):
    """A narrow transformer that fills mask tokens in from the visible tokens (arXiv 2404.08471, section 3)."""

    def __init__(self, width: int, inner: int = 64, depth: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.inner = nn.Linear(width, inner)
        self.mask_token = nn.Parameter(torch.zeros(inner))
        self.transformer = Transformer(inner, depth, heads)
        self.outer = nn.Linear(inner, width)

    def forward(self, visible: torch.Tensor, visible_codes: torch.Tensor, masked_codes: torch.Tensor) -> torch.Tensor:
        """Visible tokens (B, V, D) and the position codes of both parts to predictions (B, M, D)."""
        context = self.inner(visible + visible_codes)
        queries = self.mask_token + self.inner(masked_codes)
        filled = self.transformer(torch.cat([context, queries], dim=1))
        return self.outer(filled[:, context.shape[1] :])


class MaskedVideoModel(nn.Module):
    """Encoder, its exponential moving average as target, and the masked predictor.

    Args:
        encoder: The encoder to train, in place.
        momentum: Share of the target that each update keeps (V-JEPA 2: 0.99925, constant; small runs need less).
    """

    def __init__(self, encoder: VideoEncoder, momentum: float) -> None:
        super().__init__()
        self.encoder, self.momentum = encoder, momentum
        self.target = copy.deepcopy(encoder).requires_grad_(False)
        self.predictor = MaskedPredictor(encoder.config.width)

    def loss(
        self, clips: torch.Tensor, hidden: torch.Tensor, *, total: Total = alone, in_parts: InParts = whole
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean L1 between predicted and normalised target tokens of the hidden tubes, and the visible tokens.

        Args:
            clips: Frames uint8 (B, T, H, W, 3); where several processes share a batch, those of this one.
            hidden: Masks, bool (B, rows, columns), each of which hides as much.
            total: Adds up over these processes.
            in_parts: Runs the encoders.

        Returns:
            This process's share of the loss (all of it, if alone), and the encoder's tokens of what is visible,
            (B, V, D).
        """
        predicted, visible = in_parts(self.predict, clips, hidden)
        with torch.no_grad():
            (tokens,) = in_parts(lambda part: (self.target(part),), clips)
            _, masked_index = _indices(clips, hidden)
            target = gather(normalise_targets(tokens, total), masked_index)
            count = total(target.new_tensor(float(target.numel())))
        return functional.l1_loss(predicted, target, reduction="sum") / count, visible

    def predict(self, clips: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Predicted tokens of the hidden tubes (B, M, D) and the encoder's tokens of the visible ones (B, V, D)."""
        visible_index, masked_index = _indices(clips, hidden)
        pixels = ~hidden.to(clips.device).repeat_interleave(STRIDE, 1).repeat_interleave(STRIDE, 2)
        embedded = self.encoder.embed(clips * pixels[:, None, :, :, None])
        codes = self.encoder.positions[: embedded.shape[1]].expand(len(clips), -1, -1)
        visible = self.encoder.transformer(gather(embedded, visible_index))
        return self.predictor(visible, gather(codes, visible_index), gather(codes, masked_index)), visible

    @torch.no_grad()
    def update_target(self) -> None:
        """Moves the target a little towards the encoder."""
        for slow, fast in zip(self.target.parameters(), self.encoder.parameters(), strict=True):
            slow.lerp_(fast, 1.0 - self.momentum)


def _indices(clips: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    visible, masked = split_indices(hidden, clips.shape[1] // TUBELET_FRAMES)
    return visible.to(clips.device), masked.to(clips.device)
