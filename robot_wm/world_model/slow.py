"""The slow level: a smaller latent, actions of a whole stride as one macro-action, and one prediction a stride."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from robot_wm.world_model.heads import STD_FLOOR, Critic, Policy
from robot_wm.world_model.predictor import perceptron, start_at_zero
from robot_wm.world_model.scaling import Scaling


@dataclass(frozen=True)
class SlowConfig:
    """Sizes of the slow level.

    Attributes:
        stride: Steps of the fast level in one step of this one.
        channels: Numbers Y of the slow latent, which is one token (1, Y).
        macro: Numbers M of a macro-action.
        width: Hidden width of all its networks.
        depth: Residual layers of each.
    """

    stride: int = 8
    channels: int = 64
    macro: int = 8
    width: int = 192
    depth: int = 2


class Abstraction(nn.Module):
    """From the fast level's latent to the slow one."""

    def __init__(self, latent: int, config: SlowConfig) -> None:
        super().__init__()
        self.network = perceptron(latent, config.width, config.depth, config.channels)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents (M, N, D) to slow latents (M, 1, Y)."""
        return self.network(latents.flatten(1))[:, None]


class Elaboration(nn.Module):
    """From the slow latent back to what the fast level's may look like: the detail is gone, the scene stays."""

    def __init__(self, tokens: int, channels: int, config: SlowConfig) -> None:
        super().__init__()
        self.shape = (tokens, channels)
        self.network = perceptron(config.channels, config.width, config.depth, tokens * channels)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Slow latents (M, 1, Y) to latents (M, N, D)."""
        return self.network(latents.flatten(1)).unflatten(1, self.shape)


class MacroAction(nn.Module):
    """The actions of one stride as a few numbers between -1 and 1, and back."""

    def __init__(self, scaling: Scaling, config: SlowConfig) -> None:
        super().__init__()
        self.scaling, self.stride = scaling, config.stride
        self.encoder = perceptron(config.stride * 7, config.width, 1, config.macro)
        self.decoder = perceptron(config.macro, config.width, 1, config.stride * 7)

    def forward(self, actions: torch.Tensor) -> torch.Tensor:
        """Actions (B, stride, 7), physical units, to macro-actions (B, M)."""
        return self.encoder(self.scaling.action(actions).flatten(1)).tanh()

    def decode(self, macro: torch.Tensor) -> torch.Tensor:
        """Macro-actions (B, M) to normalised actions (B, stride, 7)."""
        return self.decoder(macro).unflatten(1, (self.stride, 7))


class SlowPredictor(nn.Module):
    """The slow latent now and a macro-action give the slow latent one stride later."""

    def __init__(self, config: SlowConfig) -> None:
        super().__init__()
        inputs = config.channels + config.macro
        self.network = start_at_zero(perceptron(inputs, config.width, config.depth, config.channels))

    def forward(self, latents: torch.Tensor, macros: torch.Tensor) -> torch.Tensor:
        """Slow latents (C, 1, Y) and macro-actions (C, M) to slow latents (C, 1, Y)."""
        return latents + self.network(torch.cat([latents.flatten(1), macros], dim=1))[:, None]

    def rollout(self, latents: torch.Tensor, macros: torch.Tensor) -> torch.Tensor:
        """Follows macros (C, K, M) from slow latents (C, 1, Y) to slow latents (C, K, 1, Y)."""
        predicted = []
        for macro in macros.unbind(1):
            latents = self(latents, macro)
            predicted.append(latents)
        return torch.stack(predicted, dim=1)


class MacroPolicy(nn.Module):
    """Which macro-action leads from a slow latent towards a goal."""

    def __init__(self, config: SlowConfig) -> None:
        super().__init__()
        self.network = perceptron(2 * config.channels, config.width, config.depth, 2 * config.macro)

    def forward(self, latents: torch.Tensor, goal: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Slow latents (C, 1, Y) and goals (1 or C, 1, Y) to mean and std (C, M)."""
        goal = goal.expand(latents.shape[0], -1, -1)
        mean, spread = self.network(torch.cat([latents.flatten(1), goal.flatten(1)], dim=1)).chunk(2, dim=1)
        return mean.tanh(), functional.softplus(spread) + STD_FLOOR


class SlowLevel(nn.Module):
    """The modules of the slow level; each `forward` has the signature of its ONNX graph.

    `critic` and `policy` are those of the fast level with the slow latent as goal: steps to go between slow latents,
    and the chunk that brings the fast level to a sub-goal.

    Args:
        tokens: Tokens N of the fast level's latent.
        channels: Channels D of the fast level's latent.
        scaling: Mean and scale of states and actions.
        chunk: Actions that `policy` proposes at once.
    """

    def __init__(self, config: SlowConfig, tokens: int, channels: int, scaling: Scaling, chunk: int) -> None:
        super().__init__()
        self.config, self.scaling = config, scaling
        latent, width, depth = tokens * channels, config.width, config.depth
        self.abstraction = Abstraction(latent, config)
        self.elaboration = Elaboration(tokens, channels, config)
        self.macro = MacroAction(scaling, config)
        self.predictor = SlowPredictor(config)
        self.critic = Critic(config.channels, width, depth)
        self.proposal = MacroPolicy(config)
        self.policy = Policy(latent, scaling, chunk, width, depth, goal=config.channels)
        self.inverse = perceptron(2 * config.channels, width, 1, config.macro)
