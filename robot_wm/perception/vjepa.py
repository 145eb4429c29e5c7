"""V-JEPA pre-training: predict the hidden tubes' representation from the visible rest, never the pixels."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional

from robot_wm.perception.encoder import STRIDE, TUBELET_FRAMES, VideoEncoder
from robot_wm.perception.masks import split_indices
from robot_wm.perception.transformer import Transformer


def gather(tokens: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Picks tokens (B, M, D) out of (B, N, D) at `indices` (B, M)."""
    return tokens.gather(1, indices[..., None].expand(-1, -1, tokens.shape[-1]))


def normalise_targets(tokens: torch.Tensor) -> torch.Tensor:
    """Targets (B, N, D) as what varies at each place, at unit scale.

    A fixed camera sees the same background at the same place in every clip. The mean token of each place is therefore
    taken away (the centring of DINO, arXiv 2104.14294, place by place); else a code of the place alone would predict
    most of the target, and the encoder would forget what moves.
    """
    centred = tokens - tokens.mean(dim=0, keepdim=True)
    return centred / (centred.std() + 1e-5)


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

    def loss(self, clips: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean L1 between predicted and normalised target tokens of the hidden tubes, and the visible tokens.

        Args:
            clips: Frames uint8 (B, T, H, W, 3).
            hidden: Masks, bool (B, rows, columns).

        Returns:
            The loss, and the encoder's tokens of what is visible, (B, V, D).
        """
        visible_index, masked_index = (
            i.to(clips.device) for i in split_indices(hidden, clips.shape[1] // TUBELET_FRAMES)
        )
        pixels = ~hidden.to(clips.device).repeat_interleave(STRIDE, 1).repeat_interleave(STRIDE, 2)
        embedded = self.encoder.embed(clips * pixels[:, None, :, :, None])
        codes = self.encoder.positions[: embedded.shape[1]].expand(len(clips), -1, -1)
        visible = self.encoder.transformer(gather(embedded, visible_index))
        predicted = self.predictor(visible, gather(codes, visible_index), gather(codes, masked_index))
        with torch.no_grad():
            target = gather(normalise_targets(self.target(clips)), masked_index)
        return functional.l1_loss(predicted, target), visible

    @torch.no_grad()
    def update_target(self) -> None:
        """Moves the target a little towards the encoder."""
        for slow, fast in zip(self.target.parameters(), self.encoder.parameters(), strict=True):
            slow.lerp_(fast, 1.0 - self.momentum)
