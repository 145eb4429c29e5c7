"""The action-conditioned predictor: the latent now and an action give the latent one step later."""

from __future__ import annotations

import torch
from torch import nn

from robot_wm.world_model.scaling import Scaling


class Residual(nn.Module):
    """A pre-norm residual feed-forward layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, width) to (B, width)."""
        return hidden + self.layers(hidden)


def perceptron(inputs: int, width: int, depth: int, outputs: int) -> nn.Sequential:
    """A linear layer, `depth` residual layers and a normalised linear read-out."""
    layers = [nn.Linear(inputs, width), *(Residual(width) for _ in range(depth))]
    return nn.Sequential(*layers, nn.LayerNorm(width), nn.Linear(width, outputs))


def start_at_zero(network: nn.Sequential) -> nn.Sequential:
    """The network with its last layer's weights zeroed, so that it begins by changing nothing."""
    read_out = network[-1]
    assert isinstance(read_out, nn.Linear)
    nn.init.zeros_(read_out.weight)
    nn.init.zeros_(read_out.bias)
    return network


class Predictor(nn.Module):
    """Predicts latent displacements; the tool's position is integrated from the actions alongside.

    Args:
        tokens: Tokens N of the latent.
        channels: Channels D of the latent.
        scaling: Mean and scale of states and actions.
        width: Width of the hidden layers.
        depth: Residual layers.
    """

    def __init__(self, tokens: int, channels: int, scaling: Scaling, width: int, depth: int) -> None:
        super().__init__()
        self.scaling = scaling
        self.network = start_at_zero(perceptron(tokens * channels + 8 + 7, width, depth, tokens * channels))

    def step(self, latent: torch.Tensor, state: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
        """One step: latent (B, N, D), state (B, 8) and action (B, 7), physical units, to latent (B, N, D)."""
        inputs = [latent.flatten(1), self.scaling.state(state), self.scaling.action(action)]
        return latent + self.network(torch.cat(inputs, dim=1)).reshape(latent.shape)

    def forward(self, latent: torch.Tensor, state: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Rolls out many candidates: latent (1 or C, N, D), state (1 or C, 8), actions (C, H, 7) to (C, H, N, D)."""
        count = actions.shape[0]
        latent = latent.expand(count, -1, -1)
        state = state.expand(count, -1)
        predicted = []
        for action in actions.unbind(1):
            latent = self.step(latent, state, action)
            state = torch.cat([state[:, :3] + action[:, :3], state[:, 3:7], action[:, 6:]], dim=1)
            predicted.append(latent)
        return torch.stack(predicted, dim=1)
