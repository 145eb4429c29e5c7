"""Fits the reading of the tool's place and the usual spread of latents, and measures what is usual."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from robot_wm.deploy.bundle import Bundle
from robot_wm.errors import TrainingError
from robot_wm.safety.view_check import FRAMES, ViewBounds
from robot_wm.situation import conformal_bound
from robot_wm.understanding.attach import attach
from robot_wm.understanding.episodes import Episodes
from robot_wm.understanding.features import Encode, encode_latents
from robot_wm.understanding.view import GRAPH

HELD_OUT = 0.25
FALSE_ALARMS = 0.01
"""Chance that a nod like those of the calibration is refused, for each of the two bounds."""
EXAMPLES = 64
"""Latents, from the whole length, that torch and onnxruntime must agree on."""
_RIDGE, _FLOOR, _DIRECTIONS = 1e-4, 1e-4, 256

Nods = tuple[np.ndarray, np.ndarray]
"""Pictures uint8 (E, FRAMES, H, W, 3) and the tool's places (E, FRAMES, 3), metres."""


class Reading(nn.Module):
    """Linear maps from latents to the tool's place and to whitened latents, whose length is the oddness.

    Args:
        latents: (M, N, D) to fit to.
        places: (M, 3) of the tool, metres.
    """

    mean: torch.Tensor
    weights: torch.Tensor
    offset: torch.Tensor
    whitening: torch.Tensor

    def __init__(self, latents: np.ndarray, places: np.ndarray) -> None:
        super().__init__()
        flat = latents.reshape(len(latents), -1).astype(np.float64)
        mean, offset = flat.mean(0), places.mean(0)
        covariance = (flat - mean).T @ (flat - mean) / len(flat)
        level = np.trace(covariance) / len(covariance)
        moment = (flat - mean).T @ (places - offset) / len(flat)
        weights = np.linalg.solve(covariance + _RIDGE * level * np.eye(len(covariance)), moment)
        values, vectors = np.linalg.eigh(covariance)
        kept = slice(max(0, len(values) - _DIRECTIONS), None)
        whitening = vectors[:, kept] / np.sqrt(np.maximum(values[kept], _FLOOR * level))
        for name, array in (("mean", mean), ("weights", weights), ("offset", offset), ("whitening", whitening)):
            self.register_buffer(name, torch.from_numpy(array.astype(np.float32)))

    def forward(self, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents (B, N, D) to places (B, 3) and oddness (B,)."""
        centred = latents.flatten(1) - self.mean
        odd = (centred @ self.whitening).square().mean(1).sqrt()
        return centred @ self.weights + self.offset, odd


def calibrate(errors: np.ndarray, odd: np.ndarray) -> ViewBounds:
    """The bounds that a nod like these exceeds with a chance of at most `FALSE_ALARMS` each.

    Args:
        errors: (E, FRAMES, 3) read minus true place, metres, of nods that the reading was not fitted to.
        odd: (E, FRAMES) oddness.

    Raises:
        TrainingError: There are too few episodes for so small a chance.
    """
    offsets = errors.mean(1)
    precision = np.linalg.inv(offsets.T @ offsets / len(offsets) + 1e-8 * np.eye(3))
    lengths = np.sqrt(np.einsum("ei,ij,ej->e", offsets, precision, offsets))
    place, strange = conformal_bound(lengths, FALSE_ALARMS), conformal_bound(odd.mean(1), FALSE_ALARMS)
    if not np.isfinite(place):
        needed = int(np.ceil((1 / FALSE_ALARMS - 1) / HELD_OUT))
        raise TrainingError(f"camera: {len(errors)} held-out episodes are too few; give --episodes {needed} or more")
    return ViewBounds(precision, place, strange)


def learn(path: Path, encode: Encode, episodes: Episodes, seed: int, nods: Nods | None = None) -> Bundle:
    """Fits to the episodes, calibrates on nods, and puts `view.onnx` into the bundle.

    Args:
        nods: What to calibrate on. Without them the last share of the episodes is held out, and a stretch of each
            serves as a nod, which is right as far as nods begin where those episodes went.
    """
    latents, places = encode_latents(encode, episodes.images), episodes.states[:, :3].astype(np.float64)
    fitted = round((1 - HELD_OUT) * len(episodes.starts)) if nods is None else len(episodes.starts)
    seen = episodes.episode < fitted
    reading = Reading(latents[seen], places[seen]).eval()
    if nods is None:
        rows = _stretches(episodes, fitted, np.random.default_rng(seed))
        nods = episodes.images[rows], places[rows]
    films, ways = nods
    nod_latents = encode_latents(encode, films.reshape(-1, *films.shape[2:]))
    with torch.inference_mode():
        read, odd = (output.numpy() for output in reading(torch.from_numpy(nod_latents)))
    errors = read.reshape(ways.shape) - ways
    bounds = calibrate(errors, odd.reshape(ways.shape[:2]))
    error_mm = float(1e3 * np.median(np.linalg.norm(errors, axis=-1)))
    metrics = {
        "precision": bounds.precision.tolist(),
        "place_bound": bounds.place,
        "odd_bound": bounds.odd,
        "error_mm": error_mm,
        "episodes": len(episodes.starts),
        "held_out": len(ways),
    }
    note = (
        "`view.onnx` reads the tool's place and the oddness of the picture from a latent, for the check before "
        f"motion. Fitted to {fitted} episodes; on {len(ways)} other nods the place is read with a median error of "
        f"{error_mm:.0f} mm, and a nod of {FRAMES} pictures is refused with a chance of at most {FALSE_ALARMS:.0%}, "
        "for place and oddness each."
    )
    example = torch.from_numpy(latents[:: max(1, len(latents) // EXAMPLES)]).contiguous()
    return attach(path, GRAPH, reading, ("latents", example), ["places", "oddness"], metrics, ("View", note))


def _stretches(episodes: Episodes, first: int, rng: np.random.Generator) -> np.ndarray:
    """Rows (E, FRAMES) of one stretch of each episode from `first` on; shorter episodes are left out."""
    kept = [number for number in range(first, len(episodes.starts)) if episodes.lengths[number] >= FRAMES]
    starts = [episodes.starts[n] + rng.integers(episodes.lengths[n] - FRAMES + 1) for n in kept]
    return np.array(starts, dtype=np.int64).reshape(-1, 1) + np.arange(FRAMES)
