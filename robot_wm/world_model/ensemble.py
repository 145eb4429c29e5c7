"""Light predictors that agree where the data taught them and differ elsewhere: what the model does not know."""

from __future__ import annotations

import torch
from torch import nn

PRIOR_WIDTH = 32


class Ensemble(nn.Module):
    """Members predict the latent's displacement in one step; their disagreement is the model's uncertainty.

    To each member a fixed random function is added, which the member learns to cancel where there is data; elsewhere
    it stays, so that members of one architecture do not agree by habit (randomised priors, Osband et al. 2018).

    Args:
        latent: Numbers L of a latent.
        members: Members K.
        width: Width of each member's hidden layers.
        prior: Size of the random functions.
    """

    mean: torch.Tensor
    scale: torch.Tensor
    reach: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor

    def __init__(self, latent: int, *, members: int = 4, width: int = 64, prior: float = 1.0) -> None:
        super().__init__()
        inputs = latent + 8 + 7
        self.latent = latent
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        self.register_buffer("reach", torch.ones(()))
        shapes = ((inputs, width), (width, width), (width, latent))
        self.weights = nn.ParameterList(_random(members, *shape) for shape in shapes)
        self.biases = nn.ParameterList(torch.zeros(members, 1, shape[1]) for shape in shapes)
        self.register_buffer("first", _random(members, inputs, PRIOR_WIDTH))
        self.register_buffer("second", prior * _random(members, PRIOR_WIDTH, latent))

    def fit_scale(self, steps: torch.Tensor, displacements: torch.Tensor) -> None:
        """Takes mean and scale from steps (M, L + 15) and their displacements (M, L); constant inputs count nothing."""
        std = steps.std(0)
        self.mean.copy_(steps.mean(0))
        self.scale.copy_(torch.where(std > 1e-4, std, torch.full_like(std, torch.inf)))
        self.reach.copy_(displacements.std())

    def members(self, steps: torch.Tensor) -> torch.Tensor:
        """Displacements (K, M, L), in standard deviations of displacements, of steps (M, L + 15).

        A step is a latent, a state and an action, flattened one after the other, in physical units.
        """
        inputs = ((steps - self.mean) / self.scale).unsqueeze(0)
        hidden = nn.functional.gelu(inputs @ self.weights[0] + self.biases[0])
        hidden = hidden + nn.functional.gelu(hidden @ self.weights[1] + self.biases[1])
        learned = hidden @ self.weights[2] + self.biases[2]
        return learned + torch.tanh(inputs @ self.first) @ self.second

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        """Disagreement (M,): the members' standard deviation, averaged over the latent, in units of the latent."""
        members = self.members(steps)
        spread = (members - members.mean(0)).square().mean(0).sqrt()
        return self.reach * spread.mean(1)


def _random(members: int, inputs: int, outputs: int) -> torch.Tensor:
    return torch.randn(members, inputs, outputs) / inputs**0.5
