"""Is the latent any good? Decodability of arm and object, candidate ranking, rank and spread; the loss tells none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from robot_wm.training.latents import encode_rows
from robot_wm.training.windows import Frames, WindowConfig, draw, take
from robot_wm.world_model.model import WorldModel

FIT_FRAMES, CHECK_FRAMES = 1200, 800
RANKED_STARTS, RANKED_CANDIDATES, RANKED_HORIZON = 48, 32, 6
RIDGE = 3.0
TINY = 1e-12


@torch.no_grad()
def monitor(model: WorldModel, train: Frames, held_out: Frames, device: torch.device) -> dict[str, float]:
    """Measures the latent space.

    Returns:
        `ee_r2`, `ee_mm`: linear decodability of the tool's position on held-out frames, and its root mean square error;
        `block_r2`, `block_mm`: the same for each privileged column, where the data has it;
        `ranking`: how often the predictor prefers the actions that were taken over others' actions, 0.5 is chance;
        `rank_correlation`: Spearman's, between the progress towards a goal that is predicted for a sequence of actions
            and that which it made; mean over goals, 0 is chance;
        `action_sensitivity`: change of the prediction with other actions, relative to the true change over the horizon;
        `effective_rank`: exponential of the entropy of the latents' covariance spectrum;
        `channel_std`: median over the latent's dimensions of their standard deviation over frames.

        Where only pictures are known, the last two.
    """
    was_training = model.training
    model.eval()
    rng = np.random.default_rng(0)
    fit = np.sort(rng.choice(train.rows(), min(FIT_FRAMES, len(train.rows())), replace=False))
    check = np.sort(rng.choice(held_out.rows(), min(CHECK_FRAMES, len(held_out.rows())), replace=False))

    def encode(rows: np.ndarray) -> np.ndarray:
        return encode_rows(model, train, rows, device)

    unseen = encode(check)
    result = {"effective_rank": _effective_rank(unseen), "channel_std": float(np.median(unseen.std(0)))}
    if train.acted:
        result |= _usefulness(model, train, held_out, (fit, check), (encode(fit), unseen), encode, device)
    model.train(was_training)
    return {name: float(value) for name, value in result.items()}


def _usefulness(
    model: WorldModel,
    train: Frames,
    held_out: Frames,
    rows: tuple[np.ndarray, np.ndarray],
    latents: tuple[np.ndarray, np.ndarray],
    encode: Callable[[np.ndarray], np.ndarray],
    device: torch.device,
) -> dict[str, float]:
    (fit, check), (seen, unseen) = rows, latents
    result = _decode("ee", seen, unseen, train.states[fit, :3], train.states[check, :3])
    if "block" in train.monitor:
        block = train.monitor["block"][:, :2]
        result |= _decode("block", seen, unseen, block[fit], block[check])
    return result | _ranking(model, held_out, encode, device)


def _decode(name: str, seen: np.ndarray, unseen: np.ndarray, fit: np.ndarray, check: np.ndarray) -> dict[str, float]:
    flat, flat_check = (np.c_[x.reshape(len(x), -1), np.ones(len(x))] for x in (seen, unseen))
    weights = np.linalg.solve(flat.T @ flat + RIDGE * np.eye(flat.shape[1]), flat.T @ fit)
    error = flat_check @ weights - check
    explained = 1.0 - np.square(error).sum() / np.square(check - check.mean(0)).sum()
    return {f"{name}_r2": explained, f"{name}_mm": 1000 * np.sqrt(np.square(error).sum(1).mean())}


def _ranking(
    model: WorldModel, frames: Frames, encode: Callable[[np.ndarray], np.ndarray], device: torch.device
) -> dict[str, float]:
    config = WindowConfig(frames=RANKED_HORIZON + 1, goals=1, chunk=RANKED_HORIZON)
    window = draw(frames, config, RANKED_STARTS, np.random.default_rng(1))
    before, after = (torch.from_numpy(encode(window.rows[:, i])).to(device) for i in (0, RANKED_HORIZON))
    actions = take(frames.actions, window.chunk_rows[:, 0], device)
    states = take(frames.states, window.rows[:, 0], device)
    better, changes, moves, ends_taken = [], [], [], []
    for index in range(RANKED_STARTS):
        others = (index + torch.arange(min(RANKED_CANDIDATES, RANKED_STARTS))) % RANKED_STARTS
        ends = model.predictor(before[index : index + 1], states[index : index + 1], actions[others])[:, -1]
        energy = (ends - after[index]).abs().mean((1, 2))
        better.append((energy[0] < energy[1:]).float().mean().item())
        changes.append((ends[1:] - ends[0]).abs().mean().item())
        moves.append((after[index] - before[index]).abs().mean().item())
        ends_taken.append(ends[0])
    return {
        "ranking": float(np.mean(better)),
        "rank_correlation": _rank_correlation(before, torch.stack(ends_taken), after),
        "action_sensitivity": float(np.mean(changes) / max(float(np.mean(moves)), TINY)),
    }


def _rank_correlation(before: torch.Tensor, predicted: torch.Tensor, after: torch.Tensor) -> float:
    """Of predicted and true progress of M sequences towards each other's ends; latents (M, N, D) three times."""
    first, expected, true = (
        torch.cdist(latents.flatten(1), after.flatten(1), p=1).cpu().numpy() for latents in (before, predicted, after)
    )
    found = []
    for goal in range(len(after)):
        others = np.arange(len(after)) != goal
        ranks = [_ranks((first - last)[others, goal]) for last in (expected, true)]
        spread = ranks[0].std() * ranks[1].std()
        found.append(float(np.mean((ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean())) / max(spread, TINY)))
    return float(np.mean(found))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks, equal values sharing the mean of theirs."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[where]


def _effective_rank(latents: np.ndarray) -> float:
    flat = latents.reshape(len(latents), -1)
    spectrum = np.linalg.svd(flat - flat.mean(0), compute_uv=False) ** 2
    share = spectrum / max(float(spectrum.sum()), TINY)
    return float(np.exp(-(share * np.log(share + 1e-12)).sum()))
