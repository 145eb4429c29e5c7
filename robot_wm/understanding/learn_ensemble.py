"""Trains the ensemble on frozen latents of play, and calibrates how much disagreement is unusual."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from robot_wm.deploy.bundle import Bundle
from robot_wm.deploy.ensemble_session import NAME
from robot_wm.errors import TrainingError
from robot_wm.situation import UNSURE_DECISIONS, conformal_bound, longest_surprise
from robot_wm.training.calibration import FALSE_ALARMS
from robot_wm.training.config import Schedule
from robot_wm.training.optimise import descend
from robot_wm.understanding.attach import attach
from robot_wm.understanding.episodes import Episodes
from robot_wm.understanding.features import Encode, encode_latents
from robot_wm.world_model.ensemble import Ensemble

SHARED = 0.5
"""Share of each batch that all members see; of the rest each member sees its own half."""


def steps_of(latents: np.ndarray, episodes: Episodes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The steps within episodes.

    Args:
        latents: (M, N, D) of the episodes' frames.

    Returns:
        Steps (S, N·D + 15) as `Ensemble` takes them, displacements (S, N·D), and the episode of each (S,).
    """
    number = episodes.episode
    before = np.flatnonzero(number[1:] == number[:-1])
    flat = latents.reshape(len(latents), -1)
    steps = np.concatenate([flat, episodes.states, episodes.actions], axis=1)[before]
    return steps.astype(np.float32), flat[before + 1] - flat[before], number[before]


def train_ensemble(steps: np.ndarray, displacements: np.ndarray, schedule: Schedule, seed: int) -> Ensemble:
    """The trained ensemble; TrainingError when the loss is not finite."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = Ensemble(displacements.shape[1])
    inputs, targets = torch.from_numpy(steps), torch.from_numpy(displacements)
    model.fit_scale(inputs, targets)
    targets = targets / model.reach
    members = len(model.first)
    optimizer = torch.optim.AdamW(model.parameters(), lr=schedule.rate, weight_decay=1e-3)
    for step in track(range(schedule.steps), "learning what is known"):
        rows = torch.from_numpy(np.sort(rng.integers(len(steps), size=schedule.batch)))
        error = (model.members(inputs[rows]) - targets[rows]).square().mean(2)
        own = torch.from_numpy(rng.random((members, schedule.batch)) < (1 + SHARED) / 2)
        loss = (error * own).sum() / own.sum()
        descend(optimizer, schedule, step, loss, "ensemble")
    return model.eval()


def calibrated(spreads: np.ndarray, episode: np.ndarray) -> float:
    """The bound on disagreement that few episodes like these exceed long enough to make the agent unsure.

    Args:
        spreads: Disagreement (S,) in the order of time.
        episode: Number of the episode of each (S,).

    Raises:
        TrainingError: The episodes are too few or too short to tell.
    """
    runs = [spreads[episode == number] for number in np.unique(episode)]
    scores = np.array([longest_surprise(run) for run in runs if len(run) >= UNSURE_DECISIONS])
    bound = conformal_bound(scores, FALSE_ALARMS)
    if not np.isfinite(bound):
        raise TrainingError(
            f"ensemble: {len(scores)} held-out episodes are too few for a bound that {FALSE_ALARMS:.0%} exceed; "
            f"at least {int(np.ceil(1 / FALSE_ALARMS))} are needed, so raise --held-out"
        )
    return bound


def learn(
    path: Path, latent_std: float, encode: Encode, training: Episodes, held_out: Episodes, schedule: Schedule, seed: int
) -> Bundle:
    """Trains and calibrates the ensemble and puts `ensemble.onnx` into the bundle at `path`."""
    steps, displacements, _ = steps_of(encode_latents(encode, training.images), training)
    model = train_ensemble(steps, displacements, schedule, seed)
    kept, truth, episode = steps_of(encode_latents(encode, held_out.images), held_out)
    with torch.inference_mode():
        spreads = model(torch.from_numpy(kept)).numpy() / latent_std
        error = (model.members(torch.from_numpy(kept)).mean(0) - torch.from_numpy(truth) / model.reach).square().mean()
    metrics = {
        "bound": float(calibrated(spreads, episode)),
        "median": float(np.median(spreads)),
        "held_out_error": float(error),
        "episodes": len(training.starts),
        "held_out_episodes": len(held_out.starts),
        "steps": schedule.steps,
    }
    note = (
        f"`{NAME}.onnx` tells what the model does not know, by the disagreement of {len(model.first)} light predictors "
        f"of one step. Trained on {len(training.starts)} episodes, {schedule.steps} steps; its bound of "
        f"{metrics['bound']:.3f} standard deviations of the latent is conformal: of episodes like the "
        f"{len(held_out.starts)} held out, at most {FALSE_ALARMS:.0%} exceed it {UNSURE_DECISIONS} steps in a row."
    )
    example = torch.from_numpy(kept[:3])
    return attach(path, NAME, model, ("steps", example), ["spread"], metrics, ("Uncertainty", note))
