"""What counts as a surprise: one-step prediction errors on held-out episodes, made into a bound with known odds."""

from __future__ import annotations

import numpy as np
import torch

from robot_wm.situation import UNSURE_DECISIONS, conformal_bound, longest_surprise
from robot_wm.training.latents import encode_rows
from robot_wm.training.windows import Frames, take
from robot_wm.world_model.model import WorldModel

FALSE_ALARMS = 0.02
"""Chance that an episode like the held-out ones exceeds the bound long enough to make the agent unsure."""


@torch.no_grad()
def surprise_bound(model: WorldModel, held_out: Frames, latent_std: float, device: torch.device) -> float | None:
    """The bound on one-step prediction errors, in standard deviations of the latent.

    None where the held-out episodes are too few for `FALSE_ALARMS` or too short to tell.
    """
    long = held_out.lengths > UNSURE_DECISIONS
    scores = [
        longest_surprise(_surprises(model, held_out, np.arange(start, start + length), device) / latent_std)
        for start, length in zip(held_out.starts[long], held_out.lengths[long], strict=True)
    ]
    bound = conformal_bound(np.array(scores), FALSE_ALARMS)
    return bound if np.isfinite(bound) else None


def _surprises(model: WorldModel, frames: Frames, rows: np.ndarray, device: torch.device) -> np.ndarray:
    """Mean absolute errors (T - 1,) of the prediction of each frame of an episode from the one before."""
    latents = torch.from_numpy(encode_rows(model, frames, rows, device)).to(device)
    before = rows[:-1]
    states, actions = take(frames.states, before, device), take(frames.actions, before, device)
    predicted = model.predictor.step(latents[:-1], states, actions)
    return (predicted - latents[1:]).abs().mean((1, 2)).cpu().numpy()
