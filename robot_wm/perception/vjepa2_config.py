"""Sizes of the published V-JEPA 2 models."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from robot_wm.perception.rotary_block import StackConfig

PATCH = 16
"""Pixels of a side of a patch."""
TUBELET = 2
"""Frames of a patch."""
MEAN = (0.485, 0.456, 0.406)
"""Of the red, green and blue of the pictures that the published weights were trained with, on a scale of 0 to 1."""
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class VJepa2Config:
    """A V-JEPA 2 model: the encoder's stack, and that of its masked predictor.

    Attributes:
        image_size: Height and width of a frame, pixels; a multiple of 16.
        frames: Frames of the clips that the masked predictor was trained with.
        encoder: The encoder's blocks.
        predictor: The masked predictor's blocks.
        mask_tokens: Learned stand-ins for hidden tokens, of which a prediction uses one.
    """

    encoder: StackConfig
    image_size: int = 256
    frames: int = 64
    predictor: StackConfig = StackConfig(width=384, depth=12, heads=12, hidden=1536)
    mask_tokens: int = 10

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tokens in a frame."""
        return self.image_size // PATCH, self.image_size // PATCH


_GIANT = StackConfig(width=1408, depth=40, heads=22, hidden=6144)
CONFIGS = MappingProxyType(
    {
        "tiny": VJepa2Config(
            StackConfig(width=96, depth=2, heads=3, hidden=384),
            image_size=64,
            frames=8,
            predictor=StackConfig(width=48, depth=2, heads=3, hidden=192),
            mask_tokens=2,
        ),
        "vitl": VJepa2Config(StackConfig(width=1024, depth=24, heads=16, hidden=4096)),
        "vith": VJepa2Config(StackConfig(width=1280, depth=32, heads=16, hidden=5120)),
        "vitg": VJepa2Config(_GIANT),
        "vitg-384": VJepa2Config(_GIANT, image_size=384),
    }
)
"""By name: those of the published checkpoints, and one for tests."""
