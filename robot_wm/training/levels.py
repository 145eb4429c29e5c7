"""The stage that trains the slow level, on latents of the frozen fast level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from robot_wm.errors import TrainingError
from robot_wm.training.compute import Compute
from robot_wm.training.config import Schedule, TrainingPlan
from robot_wm.training.latents import Latents
from robot_wm.training.level_monitors import monitor_level
from robot_wm.training.slow_objectives import SlowBatch, slow_losses
from robot_wm.training.stage import Losses
from robot_wm.training.stages import Heads
from robot_wm.training.windows import Frames, WindowConfig, take
from robot_wm.world_model.model import WorldModel
from robot_wm.world_model.slow import SlowLevel

EXTRA_FRAMES = 6
"""Frames of a window, beside those a stride apart, that the hindsight terms see; drawn anew at each step."""


def new_level(plan: TrainingPlan, model: WorldModel) -> SlowLevel:
    """An untrained slow level of the planned size, above `model`."""
    encoder = plan.model.encoder
    return SlowLevel(plan.levels.model, encoder.tokens, encoder.channels, model.scaling, plan.model.chunk)


class Levels(Heads):
    """The slow level, on frozen latents; it follows the other stages, and is trained anew when these go on.

    Args:
        level: What is trained.
        further, latents: As for `Heads`.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        model: WorldModel,
        frames: Frames,
        compute: Compute,
        seed: int,
        level: SlowLevel,
        further: Sequence[Frames] = (),
        *,
        latents: Latents | None = None,
    ) -> None:
        super().__init__(plan, model, frames, compute, seed, further, latents=latents)
        self.level = level
        self.modules["slow"] = level
        stride, strides = plan.levels.model.stride, plan.levels.strides
        self.window = WindowConfig(stride * strides + 1, plan.levels.goals, plan.levels.reach, stride)

    @classmethod
    def named(cls, count: int) -> str:
        return f"levels_{count}"

    @staticmethod
    def check(plan: TrainingPlan, frames: Frames) -> None:
        """TrainingError when no episode is long enough for a window of the stage."""
        needed, longest = plan.levels.model.stride * plan.levels.strides + 2, int(frames.lengths.max(initial=0))
        if longest < needed:
            raise TrainingError(
                f"the slow level needs episodes of {needed} frames and the longest has {longest}; collect longer ones, "
                "lower --plan.levels.strides, or leave it out with --plan.levels.schedule.steps 0"
            )

    @staticmethod
    def planned(plan: TrainingPlan) -> Schedule:
        return plan.levels.schedule

    def parameters(self) -> list[nn.Parameter]:
        return list(self.level.parameters())

    def measure(self, train: Frames, held_out: Frames) -> dict[str, float]:
        return monitor_level(self.model, self.level, held_out, self.compute.device)

    def loss(self, step: int) -> tuple[torch.Tensor, Losses]:
        rng = self.generator(step)
        terms = slow_losses(self.level, self.slow_batch(rng), rng)
        # The networks are small: each process works on the whole batch, and its share of the loss is an equal one.
        terms = {name: term / self.compute.group.size for name, term in terms.items()}
        weights = self.plan.levels.weights
        return torch.stack([getattr(weights, name) * term for name, term in terms.items()]).sum(), terms

    def slow_batch(self, rng: np.random.Generator) -> SlowBatch:
        """Windows of which the frames a stride apart, a few between them and the goals are taken."""
        window = self.draw(rng)
        count, stride = self.window.frames, self.window.chunk
        between = rng.permutation(np.flatnonzero(np.arange(count) % stride))[:EXTRA_FRAMES]
        kept = np.sort(np.concatenate([np.arange(0, count, stride), between]))
        columns, device = np.concatenate([kept, np.arange(count, window.rows.shape[1])]), self.compute.device
        return SlowBatch(
            latents=take(self.latents, window.rows[:, columns], device),
            steps=torch.from_numpy(window.steps[:, columns]).to(device),
            states=take(self.frames.states, window.rows[:, kept], device),
            actions=take(self.frames.actions, window.chunk_rows[:, kept], device),
            valid=torch.from_numpy(window.chunk_valid[:, kept]).to(device),
            guided=torch.from_numpy(window.chunk_guided[:, kept]).to(device),
            strided=np.flatnonzero(kept % stride == 0).tolist(),
        )
