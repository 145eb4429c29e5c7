"""Heads that read latents: inverse dynamics, temporal-distance critic and reactive policy."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from robot_wm.world_model.predictor import perceptron
from robot_wm.world_model.scaling import Scaling

MAX_STEPS = 50.0
"""Temporal distances are learned up to this many steps; goals of other episodes count as this far."""
STD_FLOOR = 0.05


class InverseDynamics(nn.Module):
    """Which action led from one latent to the next: the term that keeps the arm in the latent."""

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.network = perceptron(2 * latent, width, 1, 7)

    def forward(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        """Latents (B, N, D) twice to normalised actions (B, 7)."""
        return self.network(torch.cat([before.flatten(1), after.flatten(1)], dim=1))


class Critic(nn.Module):
    """Learned temporal distance: expected steps from a latent to a goal, from hindsight."""

    def __init__(self, latent: int, width: int, depth: int) -> None:
        super().__init__()
        self.network = perceptron(2 * latent, width, depth, 1)

    def forward(self, latents: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        """Latents (M, N, D) and goals (1 or M, N, D) to expected steps (M,), 0 … `MAX_STEPS`."""
        goal = goal.expand(latents.shape[0], -1, -1)
        return MAX_STEPS * self.network(torch.cat([latents.flatten(1), goal.flatten(1)], dim=1)).squeeze(1).sigmoid()


class Policy(nn.Module):
    """Reactive policy: latent, goal and state to a chunk of actions, mean and standard deviation.

    Args:
        latent: Numbers of a latent.
        goal: Numbers of a goal where these are not latents of the same level.
    """

    def __init__(
        self, latent: int, scaling: Scaling, chunk: int, width: int, depth: int, *, goal: int | None = None
    ) -> None:
        super().__init__()
        self.scaling, self.chunk = scaling, chunk
        self.network = perceptron(latent + (goal or latent) + 8, width, depth, chunk * 7 * 2)

    def normalised(
        self, latent: torch.Tensor, goal: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `forward`, in normalised actions."""
        inputs = [latent.flatten(1), goal.flatten(1), self.scaling.state(state)]
        outputs = self.network(torch.cat(inputs, dim=1)).reshape(-1, self.chunk, 2, 7)
        return outputs[:, :, 0], functional.softplus(outputs[:, :, 1]) + STD_FLOOR

    def forward(
        self, latent: torch.Tensor, goal: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latent and goal (B, N, D), state (B, 8) to mean and std (B, H, 7), physical units."""
        mean, std = self.normalised(latent, goal, state)
        return self.scaling.physical(mean), std * self.scaling.action_scale
