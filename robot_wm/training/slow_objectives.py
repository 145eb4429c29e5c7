"""The losses of the slow level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from robot_wm.training.objectives import CRITIC_EXPECTILE
from robot_wm.training.regularisers import spread
from robot_wm.world_model.heads import MAX_STEPS
from robot_wm.world_model.slow import SlowLevel

PAIRS = 1024


@dataclass(frozen=True)
class SlowWeights:
    """Weight of each loss term of the slow level.

    Attributes:
        teacher: One-stride prediction from true latents.
        rollout: Prediction over all strides of the window from predicted latents.
        macro: Reconstruction of the actions from their macro-action, which keeps these apart.
        inverse: Inverse dynamics, the macro-action between two slow latents.
        elaboration: Reconstruction of the fast level's latent, which keeps the object.
        proposal: Hindsight macro-action towards a later frame.
        policy: Hindsight chunk of the fast level towards a later slow latent.
        critic: Steps to go between slow latents.
        strangers: The same for goals of other episodes, which count as far as can be.
        variance: Hinge on each number's standard deviation (VICReg, arXiv 2105.04906, equation 1).
        covariance: Squared off-diagonal covariance (VICReg, equation 3).
    """

    teacher: float = 2.0
    rollout: float = 2.0
    macro: float = 1.0
    inverse: float = 0.5
    elaboration: float = 2.0
    proposal: float = 1.0
    policy: float = 2.0
    critic: float = 2.0
    strangers: float = 0.6
    variance: float = 4.0
    covariance: float = 0.1


@dataclass(frozen=True)
class SlowBatch:
    """Tensors of one batch.

    Attributes:
        latents: Latents of the fast level (B, C + G, N, D): C frames of a window in order of time, then goals.
        steps: Times of those frames (B, C + G).
        states: Tool states of the window's frames (B, C, 8).
        actions: Actions after each of these (B, C, stride, 7), physical units.
        valid: Whether such an action exists (B, C, stride).
        guided: Whether it is one to imitate too.
        strided: Columns, K + 1 of the C, that lie a stride apart.
    """

    latents: torch.Tensor
    steps: torch.Tensor
    states: torch.Tensor
    actions: torch.Tensor
    valid: torch.Tensor
    guided: torch.Tensor
    strided: list[int]


def slow_losses(level: SlowLevel, batch: SlowBatch, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Every term of `SlowWeights` by name; `rng` draws the pairs of the hindsight terms."""
    slow = level.abstraction(batch.latents.flatten(0, 1)).unflatten(0, batch.steps.shape)
    macros = level.macro(batch.actions.flatten(0, 1)).unflatten(0, batch.valid.shape[:2])
    terms, predicted = _prediction(level, slow[:, batch.strided], macros[:, batch.strided[:-1]])
    terms |= _reconstruction(level, batch, slow, macros)
    imagined = slow.clone()
    half = len(slow) // 2
    imagined[:half, batch.strided[1:]] = predicted[:half].detach()
    terms |= _hindsight(level, batch, slow, imagined, macros.detach(), rng)
    terms["strangers"] = _strangers(level, imagined[:, batch.strided], slow[:, batch.strided], rng)
    terms["variance"], terms["covariance"] = spread(slow.flatten(0, 1))
    return terms


def _prediction(
    level: SlowLevel, slow: torch.Tensor, macros: torch.Tensor
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Teacher forcing, roll-out and inverse dynamics over latents (B, K + 1, 1, Y); and the roll-out (B, K, 1, Y)."""
    before, after = slow[:, :-1], slow[:, 1:]
    one_step = level.predictor(before.flatten(0, 1), macros.flatten(0, 1))
    rollout = level.predictor.rollout(slow[:, 0], macros)
    guess = level.inverse(torch.cat([before, after], dim=-1).flatten(0, 2))
    terms = {
        "teacher": functional.smooth_l1_loss(one_step, after.flatten(0, 1)),
        "rollout": functional.smooth_l1_loss(rollout, after),
        "inverse": functional.mse_loss(guess, macros.detach().flatten(0, 1)),
    }
    return terms, rollout


def _reconstruction(
    level: SlowLevel, batch: SlowBatch, slow: torch.Tensor, macros: torch.Tensor
) -> dict[str, torch.Tensor]:
    looks = level.elaboration(slow.flatten(0, 1))
    actions = level.macro.decode(macros.flatten(0, 1))
    known = batch.valid.flatten(0, 1)
    return {
        "elaboration": functional.smooth_l1_loss(looks, batch.latents.flatten(0, 1)),
        "macro": functional.mse_loss(actions[known], level.scaling.action(batch.actions).flatten(0, 1)[known]),
    }


def _hindsight(
    level: SlowLevel,
    batch: SlowBatch,
    slow: torch.Tensor,
    imagined: torch.Tensor,
    macros: torch.Tensor,
    rng: np.random.Generator,
) -> dict[str, torch.Tensor]:
    """Critic, policy and proposal over pairs of a window frame and a later frame, at most `PAIRS` of them.

    The critic and the proposal start from `imagined` latents, which are what planning shows them; the policy has them
    as goals.
    """
    count = batch.states.shape[1]
    ahead = batch.steps[:, None] - batch.steps[:, :count, None]
    every = torch.nonzero(ahead > 0)
    chosen = every[torch.from_numpy(rng.permutation(len(every))[:PAIRS]).to(every.device)]
    item, here, there = chosen.unbind(1)
    steps, start, goal = ahead[item, here, there], imagined[item, here], slow[item, there]
    return {
        "critic": _critic(level, start, goal, steps),
        "policy": _policy(level, batch, (item, here), imagined[item, there], steps),
        "proposal": _proposal(level, batch, (item, here), start, goal, steps, macros),
    }


def _critic(level: SlowLevel, start: torch.Tensor, goal: torch.Tensor, ahead: torch.Tensor) -> torch.Tensor:
    error = (ahead - level.critic(start, goal)) / MAX_STEPS
    weight = torch.where(error > 0, CRITIC_EXPECTILE, 1.0 - CRITIC_EXPECTILE)
    return 20.0 * (weight * error**2).mean()


def _policy(
    level: SlowLevel,
    batch: SlowBatch,
    first: tuple[torch.Tensor, torch.Tensor],
    goal: torch.Tensor,
    ahead: torch.Tensor,
) -> torch.Tensor:
    chunk = level.policy.chunk
    mean, std = level.policy.normalised(batch.latents[first], goal, batch.states[first])
    action = level.scaling.action(batch.actions[first][:, :chunk])
    before_goal = torch.arange(chunk, device=ahead.device) < ahead[:, None]
    used = (batch.guided[first][:, :chunk] & before_goal)[..., None].expand_as(action)
    return _likelihood(mean, std, action)[used].mean()


def _proposal(
    level: SlowLevel,
    batch: SlowBatch,
    first: tuple[torch.Tensor, torch.Tensor],
    start: torch.Tensor,
    goal: torch.Tensor,
    ahead: torch.Tensor,
    macros: torch.Tensor,
) -> torch.Tensor:
    """A macro-action is known where its whole stride lies before the end of the episode and mostly before the goal."""
    used = batch.valid[first].all(1) & (ahead >= level.config.stride // 2)
    mean, std = level.proposal(start[used], goal[used])
    return _likelihood(mean, std, macros[first][used]).mean()


def _likelihood(mean: torch.Tensor, std: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Absolute error of the mean, and a tenth of the negative log-likelihood for the spread alone."""
    likelihood = functional.gaussian_nll_loss(mean.detach(), target, std**2, reduction="none")
    return (mean - target).abs() + 0.1 * likelihood


def _strangers(level: SlowLevel, start: torch.Tensor, goal: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Critic loss of goals from other episodes: latents (B, K + 1, 1, Y) against those of the next few items."""
    shift = int(rng.integers(1, len(start))) if len(start) > 1 else 0
    other = goal.roll(shift, 0).flatten(0, 1)
    here = start.flip(1).flatten(0, 1)
    return _critic(level, here, other, torch.full((len(here),), MAX_STEPS, device=start.device))
