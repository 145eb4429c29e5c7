"""Trains the decoder on frozen latents of play."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from robot_wm.deploy.bundle import Bundle
from robot_wm.training.config import Schedule
from robot_wm.training.optimise import descend
from robot_wm.understanding.attach import attach
from robot_wm.understanding.decoder import Decoder
from robot_wm.understanding.episodes import Episodes
from robot_wm.understanding.features import BATCH, Encode, encode_latents

HELD_OUT = 0.1
RARE = 8.0
"""Weight of what is not always there, such as the block, against the still background."""


def train_decoder(
    latents: np.ndarray, images: np.ndarray, schedule: Schedule, seed: int
) -> tuple[Decoder, dict[str, float]]:
    """Trains on all but the last share of the frames.

    The error of a pixel weighs the more, the further the pixel is from its median over the frames.

    Args:
        latents: Frozen latents (M, N, D).
        images: Their pictures, uint8 (M, H, W, 3).

    Returns:
        The decoder in evaluation mode and `psnr_db`, its peak signal-to-noise ratio on the frames held out.

    Raises:
        TrainingError: The loss is not finite.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    kept = max(1, round((1 - HELD_OUT) * len(images)))
    usual = torch.from_numpy(np.median(images[: kept : max(1, kept // 200)], axis=0).astype(np.float32) / 255)
    decoder = Decoder(latents[0].size, images.shape[1])
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=schedule.rate, weight_decay=1e-4)
    for step in track(range(schedule.steps), "learning to draw"):
        rows = np.sort(rng.integers(kept, size=schedule.batch))
        picture = torch.from_numpy(images[rows].astype(np.float32) / 255)
        weight = 1.0 + RARE * (picture - usual).abs().amax(-1, keepdim=True)
        loss = (weight * (decoder(torch.from_numpy(latents[rows])) - picture).abs()).mean()
        descend(optimizer, schedule, step, loss, "decoder")
    return decoder.eval(), {"psnr_db": _psnr(decoder, latents[kept:], images[kept:])}


@torch.inference_mode()
def _psnr(decoder: Decoder, latents: np.ndarray, images: np.ndarray) -> float:
    errors = [
        (decoder(torch.from_numpy(latents[i : i + BATCH])).numpy() - images[i : i + BATCH] / 255.0) ** 2
        for i in range(0, len(images), BATCH)
    ]
    return float(-10 * np.log10(np.concatenate(errors).mean()))


def learn(path: Path, encode: Encode, episodes: Episodes, schedule: Schedule, seed: int) -> Bundle:
    """Trains the decoder and puts `decoder.onnx` into the bundle at `path`."""
    images = episodes.images
    latents = encode_latents(encode, images)
    decoder, figures = train_decoder(latents, images, schedule, seed)
    metrics = figures | {"frames": len(images), "steps": schedule.steps}
    note = (
        f"`decoder.onnx` draws latents for the eye; nothing plans with it. Trained on {len(images)} frames of play, "
        f"{schedule.steps} steps; {figures['psnr_db']:.1f} dB on frames held out."
    )
    example = torch.from_numpy(latents[:2])
    return attach(path, "decoder", decoder, ("latents", example), ["pictures"], metrics, ("Decoder", note))
