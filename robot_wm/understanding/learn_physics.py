"""Trains the clip predictor on possible clips alone, self-supervised, on a bundle's frozen features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from robot_wm.deploy.bundle import Bundle
from robot_wm.training.config import Schedule
from robot_wm.training.optimise import descend
from robot_wm.understanding.attach import attach
from robot_wm.understanding.clip_predictor import WINDOW, ClipPredictor
from robot_wm.understanding.features import Encode, encode_all

HELD_OUT = 0.05
TRUST_PACE = 10.0
"""The weight of what is remembered starts at nothing and learns this much faster than the rest."""
TRAINING_SEEDS = 2**31
"""Added to the seed of training clips, so that none of them is ever a clip of a measurement."""


def possible_tokens(encode: Encode, clips: int, seed: int) -> np.ndarray:
    """Dense tokens float16 (clips, F, n, D) of freshly filmed clips in which everything is possible."""
    from sim.theatre import Theatre
    from sim.violations import possible_clips

    theatre = Theatre()
    try:
        films = possible_clips(clips, seed + TRAINING_SEEDS, theatre)
        return np.stack([encode_all(encode, clip)[1] for clip in track(films, "filming possible clips", total=clips)])
    finally:
        theatre.close()


def train_clip_predictor(tokens: np.ndarray, schedule: Schedule, seed: int) -> tuple[ClipPredictor, dict[str, float]]:
    """Trains on windows of clips, the last share of which is held out.

    Args:
        tokens: Dense tokens (C, F, n, D).

    Returns:
        The predictor in evaluation mode, and its mean L1 on training and held-out windows: `loss`, `held_out_loss`.

    Raises:
        TrainingError: The loss is not finite.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    kept = max(1, round((1 - HELD_OUT) * len(tokens)))
    model = ClipPredictor(*tokens.shape[2:])
    model.fit_scale(torch.from_numpy(tokens[:kept:8].astype(np.float32)).flatten(0, 1))
    others = [parameter for parameter in model.parameters() if parameter is not model.trust]
    groups = [{"params": others, "pace": 1.0}, {"params": [model.trust], "pace": TRUST_PACE}]
    optimizer = torch.optim.AdamW(groups, lr=schedule.rate, weight_decay=1e-3, betas=(0.9, 0.98))
    recent: list[float] = []
    for step in track(range(schedule.steps), "learning what to expect"):
        loss = model.loss(_windows(tokens[:kept], schedule.batch, rng))
        descend(optimizer, schedule, step, loss, "clip predictor", clip=1.0)
        recent = [*recent[-49:], loss.item()]
    with torch.inference_mode():
        checked = model.eval().loss(_windows(tokens[kept:] if kept < len(tokens) else tokens, 64, rng)).item()
    return model, {"loss": float(np.mean(recent)), "held_out_loss": checked}


def _windows(tokens: np.ndarray, count: int, rng: np.random.Generator) -> torch.Tensor:
    clips = rng.integers(len(tokens), size=count)
    starts = rng.integers(tokens.shape[1] - WINDOW + 1, size=count)
    rows = starts[:, None] + np.arange(WINDOW)
    return torch.from_numpy(tokens[clips[:, None], rows].astype(np.float32))


def learn(path: Path, encode: Encode, clips: int, schedule: Schedule, seed: int) -> Bundle:
    """Films, trains, and puts `clip_predictor.onnx` into the bundle at `path`."""
    tokens = possible_tokens(encode, clips, seed)
    model, losses = train_clip_predictor(tokens, schedule, seed)
    metrics = losses | {"clips": clips, "steps": schedule.steps}
    example = torch.from_numpy(tokens[:2, :WINDOW].astype(np.float32))
    note = (
        f"`clip_predictor.onnx` expects the dense tokens of the next frame. Trained on {clips} clips of possible "
        f"motion (seed {seed}), {schedule.steps} steps; mean L1 on held-out clips "
        f"{losses['held_out_loss']:.3f} of the tokens' standard deviation. `robot-wm physics` measures its surprise."
    )
    outputs = ["target", "expected"]
    return attach(path, "clip_predictor", model, ("tokens", example), outputs, metrics, ("Clip predictor", note))
