"""Random looks for training pictures: a small shift and a tint, the same for all frames that belong together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random looks; a shift acts like a turned camera (DrQ, arXiv 2004.13649).

    Attributes:
        shift: Largest shift along each image axis, pixels; the border is repeated.
        tint: Largest relative change of each colour channel.
    """

    shift: int = 3
    tint: float = 0.15

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Pictures uint8 (B, F, H, W, 3) to the same with one look a row of B, rounded and kept within 0…255."""
        height, width = images.shape[2:4]
        looks = np.empty_like(images)
        for index, frames in enumerate(images):
            down, right = rng.integers(-self.shift, self.shift + 1, 2)
            rows = np.clip(np.arange(height) + down, 0, height - 1)
            columns = np.clip(np.arange(width) + right, 0, width - 1)
            gain = 1.0 + rng.uniform(-self.tint, self.tint, 3)
            levels = np.clip(np.rint(np.arange(256)[:, None] * gain), 0, 255).astype(np.uint8)
            looks[index] = levels[frames[:, rows[:, None], columns[None]], np.arange(3)]
        return looks
