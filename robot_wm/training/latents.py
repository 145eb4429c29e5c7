"""Latents of many frames, as the frozen encoder gives them."""

from __future__ import annotations

import numpy as np
import torch

from robot_wm.training.compute import Compute
from robot_wm.training.windows import Frames, take
from robot_wm.world_model.model import WorldModel


class Latents:
    """Latents of whole datasets, each of which is encoded once; the encoder must not change any more.

    Args:
        compute: Its processes encode a share of each dataset.
    """

    def __init__(self, model: WorldModel, compute: Compute) -> None:
        self._model, self._compute = model, compute
        self._known: dict[int, tuple[Frames, np.ndarray]] = {}

    def of(self, frames: Frames) -> np.ndarray:
        """Latents of all frames (M, N, D)."""
        if id(frames) not in self._known:
            self._known[id(frames)] = (frames, self._encode(frames))
        return self._known[id(frames)][1]

    def _encode(self, frames: Frames) -> np.ndarray:
        group, device, count = self._compute.group, self._compute.device, len(frames.images)
        latents = encode_rows(self._model, frames, np.arange(count)[group.share(count)], device)
        return latents if group.size == 1 else group.gather(torch.from_numpy(latents).to(device), count).cpu().numpy()


@torch.no_grad()
def encode_rows(model: WorldModel, frames: Frames, rows: np.ndarray, device: torch.device) -> np.ndarray:
    """Latents of some frames, float32 (M, N, D), as the frozen encoder gives them."""
    was_training = model.training
    model.eval()
    parts = np.array_split(rows, max(1, len(rows) // 128))
    latents = np.concatenate([model.encoder(take(frames.images, part, device)).cpu().numpy() for part in parts])
    model.train(was_training)
    return latents
