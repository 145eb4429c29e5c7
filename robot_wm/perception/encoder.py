"""The V-JEPA video encoder: a convolutional stem below, a vision transformer over tubelets above."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from robot_wm.perception.transformer import Transformer, positions

TUBELET_FRAMES = 2
PATCH = 6
"""Pixels of a side of the patches that the stem starts from."""
STRIDE = 2 * PATCH
"""Pixels between two tokens: the tubelet convolution halves the stem's resolution."""


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of the encoder.

    Attributes:
        image_size: Height and width of a frame, pixels; a multiple of 12.
        max_frames: Longest clip, frames.
        stem: Channels of the stem.
        width: Channels of a dense token.
        reduced: Channels of a dense token that the read-out mixes.
        tokens: Tokens N of the latent that planning uses.
        channels: Channels D of that latent.
    """

    image_size: int = 96
    max_frames: int = 16
    stem: int = 64
    width: int = 64
    depth: int = 2
    heads: int = 4
    reduced: int = 16
    tokens: int = 8
    channels: int = 32

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tokens in a frame."""
        return self.image_size // STRIDE, self.image_size // STRIDE


class VideoEncoder(nn.Module):
    """Frames to dense spatio-temporal tokens."""

    positions: torch.Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        stem = config.stem
        convolutions = [layer for _ in range(3) for layer in (nn.Conv2d(stem, stem, 3, padding=1), nn.GELU())]
        self.stem = nn.Sequential(nn.PixelUnshuffle(PATCH), nn.Conv2d(3 * PATCH**2, stem, 1), nn.GELU(), *convolutions)
        self.stem.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        kernel = (TUBELET_FRAMES, 3, 3)
        self.tubelets = nn.Conv3d(stem, config.width, kernel, stride=(TUBELET_FRAMES, 2, 2), padding=(0, 1, 1))
        self.norm = nn.LayerNorm(config.width)
        self.transformer = Transformer(config.width, config.depth, config.heads)
        for layer in (*self.stem, self.tubelets):
            if isinstance(layer, nn.Conv2d | nn.Conv3d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        codes = positions(config.max_frames // TUBELET_FRAMES, *config.grid, config.width)
        self.register_buffer("positions", codes, persistent=False)

    def embed(self, frames: torch.Tensor) -> torch.Tensor:
        """Clips (B, T, H, W, 3), uint8 or 0…255 floats, T even, to tubelet embeddings (B, T/2 · n, width)."""
        batch, count = frames.shape[:2]
        features = self._features(frames.flatten(0, 1)).unflatten(0, (batch, count))
        return self._tokens(features.transpose(1, 2))

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        return self.stem(images.permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1.0)

    def _tokens(self, features: torch.Tensor) -> torch.Tensor:
        tokens = self.norm(self.tubelets(features).flatten(2).transpose(1, 2))
        return tokens + self.positions[: tokens.shape[1]]

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Clips (B, T, H, W, 3) to tokens (B, T/2 · n, width)."""
        return self.transformer(self.embed(frames))

    def encode_frames(self, images: torch.Tensor) -> torch.Tensor:
        """Single pictures (B, H, W, 3), each doubled to fill a tubelet, to tokens (B, n, width)."""
        features = self._features(images)
        return self.transformer(self._tokens(torch.stack([features] * TUBELET_FRAMES, dim=2)))


class Readout(nn.Module):
    """Mixes all dense tokens, each in its place, into the few tokens of the latent that planning uses.

    Dense tokens keep small objects but make a search slow; averages and attention pooling lose their place. One linear
    map that knows where every token stands keeps it, and learns several times faster than learned queries do.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.shape = (config.tokens, config.channels)
        rows, columns = config.grid
        self.reduce = nn.Linear(config.width, config.reduced)
        self.mix = nn.Linear(rows * columns * config.reduced, config.tokens * config.channels)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (B, n, width) to the latent (B, N, D)."""
        return self.mix(functional.gelu(self.reduce(tokens)).flatten(1)).unflatten(1, self.shape)


class Encoder(nn.Module):
    """Pictures to the latent that planning uses."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.video = VideoEncoder(config)
        self.readout = Readout(config)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Pictures uint8 (B, H, W, 3) to latents (B, N, D)."""
        return self.dense(image)[0]

    def dense(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures uint8 (B, H, W, 3) to latents (B, N, D) and the dense tokens (B, n, width) they are read from."""
        tokens = self.video.encode_frames(image)
        return self.readout(tokens), tokens
