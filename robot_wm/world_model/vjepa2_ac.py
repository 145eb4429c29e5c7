"""The published V-JEPA 2-AC predictor: tokens, states and actions to the next tokens (arXiv 2506.09985, 3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from robot_wm.errors import ObservationError
from robot_wm.perception.rotary import coordinates, tables
from robot_wm.perception.rotary_block import EPSILON, StackConfig, initialise, make_blocks
from robot_wm.perception.vjepa2_config import PATCH


@dataclass(frozen=True)
class ActionPredictorConfig:
    """Sizes of the predictor.

    Attributes:
        tokens_width: Channels of the encoder's tokens.
        image_size: Height and width of a frame, pixels.
        actions: Numbers of an action and of a state (x, y, z, three extrinsic Euler angles, gripper).
        extrinsics: Whether each step has a third token, of the camera's pose, one number shorter than an action.
        stack: The blocks.
    """

    tokens_width: int = 1408
    image_size: int = 256
    actions: int = 7
    extrinsics: bool = False
    stack: StackConfig = StackConfig(width=1024, depth=24, heads=16, hidden=4096)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tokens in a frame."""
        return self.image_size // PATCH, self.image_size // PATCH

    @property
    def conditions(self) -> int:
        """Tokens of a step that stand before the frame's."""
        return 3 if self.extrinsics else 2


class ActionPredictor(nn.Module):
    """A transformer over [action, state, (extrinsics,) frame] of each step that never looks at later steps."""

    def __init__(self, config: ActionPredictorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.stack.width
        self.predictor_embed = nn.Linear(config.tokens_width, width)
        self.action_encoder = nn.Linear(config.actions, width)
        self.state_encoder = nn.Linear(config.actions, width)
        self.extrinsics_encoder = nn.Linear(config.actions - 1, width)
        self.predictor_blocks = make_blocks(config.stack)
        self.predictor_norm = nn.LayerNorm(width, eps=EPSILON)
        self.predictor_proj = nn.Linear(width, config.tokens_width)
        initialise(self, self.predictor_blocks)

    def forward(
        self,
        tokens: torch.Tensor,
        actions: torch.Tensor,
        states: torch.Tensor,
        extrinsics: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Predicts the tokens that follow each of T steps.

        Args:
            tokens: The encoder's tokens, one frame a step, n = rows · columns, (B, T · n, D).
            actions: Pose and gripper differences, metres, radians and gripper opening, (B, T, 7).
            states: Pose and gripper, (B, T, 7).
            extrinsics: The camera's pose (B, T, 6), where the configuration has it.

        Returns:
            The predicted tokens (B, T · n, D); those of step t are of the frame after it.

        Raises:
            ObservationError: The inputs do not fit together.
        """
        steps = self._steps(tokens, actions, states, extrinsics)
        conditions = [self.action_encoder(actions), self.state_encoder(states)]
        if extrinsics is not None:
            conditions.append(self.extrinsics_encoder(extrinsics))
        frames = self.predictor_embed(tokens).unflatten(1, (steps, -1))
        sequence = torch.cat([*(part.unsqueeze(2) for part in conditions), frames], dim=2).flatten(1, 2)
        places = step_places(self.config, steps).to(tokens.device)
        turns = tables(places, self.config.stack.head_width)
        mask = causal_mask(places[:, 0])
        for block in self.predictor_blocks:
            sequence = block(sequence, turns, mask)
        frames = sequence.unflatten(1, (steps, -1))[:, :, self.config.conditions :].flatten(1, 2)
        return self.predictor_proj(self.predictor_norm(frames))

    def _steps(
        self,
        tokens: torch.Tensor,
        actions: torch.Tensor,
        states: torch.Tensor,
        extrinsics: torch.Tensor | None,
    ) -> int:
        config = self.config
        if (extrinsics is not None) != config.extrinsics:
            raise ObservationError(
                f"extrinsics: got {'some' if extrinsics is not None else 'none'}, but this predictor was configured "
                f"with extrinsics={config.extrinsics}"
            )
        batch, steps = actions.shape[:2]
        rows, columns = config.grid
        expected = [(batch, steps * rows * columns, config.tokens_width), (batch, steps, config.actions)]
        if [tuple(tokens.shape), tuple(states.shape)] != expected or actions.shape != states.shape:
            raise ObservationError(
                f"got tokens {tuple(tokens.shape)}, actions {tuple(actions.shape)} and states {tuple(states.shape)}, "
                f"expected tokens {expected[0]} and both others {expected[1]}"
            )
        return steps


def step_places(config: ActionPredictorConfig, steps: int) -> torch.Tensor:
    """Time, row and column of each token, float64 (T · (conditions + n), 3).

    Conditions turn with time alone, as if they stood at the origin; columns are on the scale of the rows.
    """
    rows, columns = config.grid
    frames = coordinates(steps, rows, columns) * torch.tensor([1.0, 1.0, rows / columns], dtype=torch.float64)
    conditions = coordinates(steps, 1, 1).unsqueeze(1).expand(-1, config.conditions, -1)
    return torch.cat([conditions, frames.unflatten(0, (steps, -1))], dim=1).flatten(0, 1)


def causal_mask(times: torch.Tensor) -> torch.Tensor:
    """Which tokens each token sees, bool (N, N): those of its own step and of earlier ones, given each one's time."""
    return times[:, None] >= times[None, :]
