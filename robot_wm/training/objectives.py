"""The losses: prediction in latent space, inverse dynamics, hindsight policy and critic.

Each is this process's share of the loss over the global batch; see `robot_wm.training.parallel`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from robot_wm.training.parallel import ALONE, Group
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
        sigreg: Distance from a standard normal, where the plan's regulariser is SIGReg.
    """

    teacher: float = 2.0
    rollout: float = 1.0
    inverse: float = 1.0
    policy: float = 2.0
    critic: float = 2.0
    variance: float = 4.0
    covariance: float = 0.1
    sigreg: float = 0.09


PAIRS = 768
STRANGERS = 0.3
"""Weight of goals from other episodes in the critic's loss."""
CRITIC_EXPECTILE = 0.3
"""Below 0.5 the critic leans to the quicker of the ways that were seen."""


@dataclass(frozen=True)
class Batch:
    """Tensors of one batch of windows: the pictures and actions of this process's share, the times of all.

    Attributes:
        latents: Latents of window frames and goals (b, W + G, N, D).
        states: Tool states of the window frames (b, W, 8).
        actions: Actions after each window frame (b, W, chunk, 7), physical units.
        steps: Times of the frames of the whole batch, (B, W + G).
        guided: Whether an action exists and is one to imitate, for the whole batch, (B, W, chunk).
        group: The processes that share the batch.
    """

    latents: torch.Tensor
    states: torch.Tensor
    actions: torch.Tensor
    steps: torch.Tensor
    guided: torch.Tensor
    group: Group = ALONE

    @property
    def window(self) -> int:
        """Consecutive frames W."""
        return self.states.shape[1]

    @property
    def share(self) -> slice:
        """The samples of the whole batch that are here."""
        return self.group.share(len(self.steps))

    def here(self, items: torch.Tensor) -> torch.Tensor:
        """Which of some samples of the whole batch are this process's, bool."""
        return (items >= self.share.start) & (items < self.share.stop)

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Share of the mean over the whole batch, of values (b, …) or (b · n, …) of this process's samples."""
        return values.sum() / values.numel() * (len(self.latents) / len(self.steps))


def prediction(model: WorldModel, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Teacher-forcing loss, roll-out loss and the roll-out itself (B, W - 1, N, D)."""
    actions = batch.actions[:, :-1, 0]
    target = batch.latents[:, 1 : batch.window]
    before = batch.latents[:, : batch.window - 1]
    one_step = model.predictor.step(before.flatten(0, 1), batch.states[:, :-1].flatten(0, 1), actions.flatten(0, 1))
    rollout = model.predictor(batch.latents[:, 0], batch.states[:, 0], actions)
    teacher = batch.mean(functional.smooth_l1_loss(one_step, target.flatten(0, 1), reduction="none"))
    return teacher, batch.mean(functional.smooth_l1_loss(rollout, target, reduction="none")), rollout


def inverse_dynamics(model: WorldModel, batch: Batch) -> torch.Tensor:
    """Mean squared error of the action between neighbouring frames, in normalised actions."""
    before, after = batch.latents[:, : batch.window - 1], batch.latents[:, 1 : batch.window]
    action = model.scaling.action(batch.actions[:, :-1, 0])
    guess = model.inverse(before.flatten(0, 1), after.flatten(0, 1))
    return batch.mean(functional.mse_loss(guess, action.flatten(0, 1), reduction="none"))


@dataclass(frozen=True)
class Pairs:
    """Pairs of a window frame and a later frame of the same sample.

    Attributes:
        item: Samples, int64 (P,), counted in the whole batch.
        start: Window frame of each, (P,).
        goal: Later frame of each, (P,).
        ahead: Steps between them, (P,).
    """

    item: torch.Tensor
    start: torch.Tensor
    goal: torch.Tensor
    ahead: torch.Tensor

    @classmethod
    def draw(cls, batch: Batch, rng: np.random.Generator) -> Pairs:
        """At most `PAIRS` pairs of the whole batch."""
        ahead = batch.steps[:, None] - batch.steps[:, : batch.window, None]
        every = torch.nonzero(ahead > 0)
        chosen = torch.from_numpy(rng.permutation(len(every))[:PAIRS]).to(every.device)
        item, start, goal = every[chosen].unbind(1)
        return cls(item, start, goal, ahead[item, start, goal])

    def at(self, chosen: torch.Tensor) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.item[chosen], self.start[chosen], self.goal[chosen], self.ahead[chosen])


def hindsight(
    model: WorldModel, batch: Batch, latents: torch.Tensor, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Policy and critic losses over pairs of a window frame and a later frame, at most `PAIRS` of them.

    The critic's has a share of goals from other episodes.

    Args:
        latents: Latents to start from (b, W, N, D): those of the window, or predicted ones.
        rng: Chooses the pairs; in the same state in every process.
    """
    every = Pairs.draw(batch, rng)
    pairs = every.at(batch.here(every.item))
    item = pairs.item - batch.share.start
    start, goal = latents[item, pairs.start], batch.latents[item, pairs.goal]
    critic = _critic(model, start, goal, pairs.ahead, len(every.item)) + STRANGERS * strangers(model, batch, rng)
    return _policy(model, batch, start, goal, every), critic


def _policy(model: WorldModel, batch: Batch, start: torch.Tensor, goal: torch.Tensor, every: Pairs) -> torch.Tensor:
    steps = torch.arange(batch.guided.shape[2], device=every.ahead.device)
    used = batch.guided[every.item, every.start] & (steps < every.ahead[:, None])
    here = batch.here(every.item)
    first = (every.item[here] - batch.share.start, every.start[here])
    mean, std = model.policy.normalised(start, goal, batch.states[first])
    action = model.scaling.action(batch.actions[first])
    likelihood = functional.gaussian_nll_loss(mean.detach(), action, std**2, reduction="none")
    values = ((mean - action).abs() + 0.1 * likelihood)[used[here]]
    return values.sum() / (used.sum().clamp(min=1) * action.shape[-1])


def strangers(model: WorldModel, batch: Batch, rng: np.random.Generator) -> torch.Tensor:
    """Critic loss of goals from other episodes, which count as `MAX_STEPS` away.

    Within an episode the arm tells how far a frame is, and the critic would not look at the object. Goals of other
    episodes show an arm that fits with an object that does not.
    """
    count, window = len(batch.steps), batch.window
    frame = rng.permutation(count * window)[: PAIRS // 2]
    item, here = frame // window, frame % window
    other = (item + rng.integers(1, count, len(frame))) % count
    everyone = batch.group.gather(batch.latents[:, :window], count)
    mine = (item >= batch.share.start) & (item < batch.share.stop)
    start = batch.latents[item[mine] - batch.share.start, here[mine]]
    goal = everyone[other[mine], window - 1 - here[mine]]
    ahead = torch.full((len(start),), int(MAX_STEPS), device=start.device)
    return _critic(model, start, goal, ahead, len(frame))


def _critic(
    model: WorldModel, start: torch.Tensor, goal: torch.Tensor, ahead: torch.Tensor, count: int
) -> torch.Tensor:
    error = (ahead - model.critic(start, goal)) / MAX_STEPS
    weight = torch.where(error > 0, CRITIC_EXPECTILE, 1.0 - CRITIC_EXPECTILE)
    return 20.0 * (weight * error**2).sum() / count
