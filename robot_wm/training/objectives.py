"""The losses: prediction in latent space, inverse dynamics, hindsight policy and critic, variance and covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from robot_wm.world_model.heads import MAX_STEPS
from robot_wm.world_model.model import WorldModel


@dataclass(frozen=True)
class Weights:
    """Weight of each loss term.

    Attributes:
        teacher: One-step prediction from true latents.
        rollout: Multi-step prediction from predicted latents.
        inverse: Inverse dynamics, which keeps the arm.
        policy: Hindsight policy, a multi-step inverse model, which keeps the object.
        critic: Temporal distance.
        variance: Hinge on each channel's standard deviation (VICReg, arXiv 2105.04906, equation 1).
        covariance: Squared off-diagonal covariance (VICReg, equation 3).
    """

    teacher: float = 2.0
    rollout: float = 1.0
    inverse: float = 1.0
    policy: float = 2.0
    critic: float = 2.0
    variance: float = 4.0
    covariance: float = 0.1


PAIRS = 768
STRANGERS = 0.3
"""Weight of goals from other episodes in the critic's loss."""
CRITIC_EXPECTILE = 0.3
"""Below 0.5 the critic leans to the quicker of the ways that were seen."""


@dataclass(frozen=True)
class Batch:
    """Tensors of one batch of windows.

    Attributes:
        latents: Latents of window frames and goals (B, W + G, N, D).
        steps: Times of those frames, (B, W + G).
        states: Tool states of the window frames (B, W, 8).
        actions: Actions after each window frame (B, W, chunk, 7), physical units.
        valid: Whether such an action exists (B, W, chunk).
    """

    latents: torch.Tensor
    steps: torch.Tensor
    states: torch.Tensor
    actions: torch.Tensor
    valid: torch.Tensor

    @property
    def window(self) -> int:
        """Consecutive frames W."""
        return self.states.shape[1]


def prediction(model: WorldModel, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Teacher-forcing loss, roll-out loss and the roll-out itself (B, W - 1, N, D)."""
    actions = batch.actions[:, :-1, 0]
    target = batch.latents[:, 1 : batch.window]
    before = batch.latents[:, : batch.window - 1]
    one_step = model.predictor.step(before.flatten(0, 1), batch.states[:, :-1].flatten(0, 1), actions.flatten(0, 1))
    rollout = model.predictor(batch.latents[:, 0], batch.states[:, 0], actions)
    teacher = functional.smooth_l1_loss(one_step, target.flatten(0, 1))
    return teacher, functional.smooth_l1_loss(rollout, target), rollout


def inverse_dynamics(model: WorldModel, batch: Batch) -> torch.Tensor:
    """Mean squared error of the action between neighbouring frames, in normalised actions."""
    before, after = batch.latents[:, : batch.window - 1], batch.latents[:, 1 : batch.window]
    action = model.scaling.action(batch.actions[:, :-1, 0])
    return functional.mse_loss(model.inverse(before.flatten(0, 1), after.flatten(0, 1)), action.flatten(0, 1))


def hindsight(
    model: WorldModel, batch: Batch, latents: torch.Tensor, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Policy and critic losses over pairs of a window frame and a later frame, at most `PAIRS` of them.

    The critic's has a share of goals from other episodes.

    Args:
        latents: Latents to start from (B, W, N, D): those of the window, or predicted ones.
        rng: Chooses the pairs.
    """
    first, second, ahead = _pairs(batch, rng)
    item, here = first
    start, goal = latents[item, here], batch.latents[second]
    critic = _critic(model, start, goal, ahead) + STRANGERS * strangers(model, batch, rng)
    return _policy(model, batch, start, goal, first, ahead), critic


def _pairs(
    batch: Batch, rng: np.random.Generator
) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
    ahead = batch.steps[:, None] - batch.steps[:, : batch.window, None]
    every = torch.nonzero(ahead > 0)
    chosen = torch.from_numpy(rng.permutation(len(every))[:PAIRS]).to(every.device)
    item, here, there = every[chosen].unbind(1)
    return (item, here), (item, there), ahead[item, here, there]


def _policy(
    model: WorldModel,
    batch: Batch,
    start: torch.Tensor,
    goal: torch.Tensor,
    first: tuple[torch.Tensor, torch.Tensor],
    ahead: torch.Tensor,
) -> torch.Tensor:
    mean, std = model.policy.normalised(start, goal, batch.states[first])
    action = model.scaling.action(batch.actions[first])
    before_goal = torch.arange(action.shape[1], device=ahead.device) < ahead[:, None]
    used = (batch.valid[first] & before_goal)[..., None].expand_as(action)
    likelihood = functional.gaussian_nll_loss(mean.detach(), action, std**2, reduction="none")
    return ((mean - action).abs() + 0.1 * likelihood)[used].mean()


def strangers(model: WorldModel, batch: Batch, rng: np.random.Generator) -> torch.Tensor:
    """Critic loss of goals from other episodes, which count as `MAX_STEPS` away.

    Within an episode the arm tells how far a frame is, and the critic would not look at the object. Goals of other
    episodes show an arm that fits with an object that does not.
    """
    start = batch.latents[:, : batch.window].flatten(0, 1)
    chosen = torch.from_numpy(rng.permutation(len(start))[: PAIRS // 2]).to(start.device)
    other = (chosen // batch.window + torch.from_numpy(rng.integers(1, len(batch.latents), len(chosen)))).remainder(
        len(batch.latents)
    )
    goal = batch.latents[other, batch.window - 1 - chosen % batch.window]
    return _critic(model, start[chosen], goal, torch.full_like(chosen, int(MAX_STEPS)))


def _critic(model: WorldModel, start: torch.Tensor, goal: torch.Tensor, ahead: torch.Tensor) -> torch.Tensor:
    error = (ahead - model.critic(start, goal)) / MAX_STEPS
    weight = torch.where(error > 0, CRITIC_EXPECTILE, 1.0 - CRITIC_EXPECTILE)
    return 20.0 * (weight * error**2).mean()


def spread(latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Variance and covariance terms of latents (M, N, D), over the batch, per token."""
    centred = latents - latents.mean(0)
    std = (centred.var(0) + 1e-4).sqrt()
    flat = centred.flatten(1)
    covariance = flat.T @ flat / (len(flat) - 1)
    off_diagonal = covariance - torch.diag(covariance.diagonal())
    return functional.relu(1.0 - std).mean(), off_diagonal.square().sum() / flat.shape[1]
