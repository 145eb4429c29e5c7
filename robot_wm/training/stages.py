"""The action-conditioned stages: from pictures, and on frozen latents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from robot_wm.training import objectives
from robot_wm.training.compute import Compute
from robot_wm.training.config import Schedule, TrainingPlan
from robot_wm.training.latents import Latents
from robot_wm.training.regularisers import sigreg, spread
from robot_wm.training.stage import Losses, Stage
from robot_wm.training.windows import Frames, Window, draw, take
from robot_wm.world_model.model import WorldModel


class Joint(Stage):
    """Encoder, predictor and heads together, from pictures."""

    name = "joint"

    def __init__(self, plan: TrainingPlan, model: WorldModel, frames: Frames, compute: Compute, seed: int) -> None:
        super().__init__(plan, model, frames, compute, seed)
        self.window = plan.window

    @staticmethod
    def planned(plan: TrainingPlan) -> Schedule:
        return plan.joint

    def parameters(self) -> list[nn.Parameter]:
        frozen = set(self.model.encoder.video.parameters()) if self.plan.freeze_video else set()
        return [parameter for parameter in self.model.parameters() if parameter not in frozen]

    def loss(self, step: int) -> tuple[torch.Tensor, Losses]:
        rng = self.generator(step)
        batch = self.batch(self.draw(rng))
        teacher, rollout, _ = objectives.prediction(self.model, batch)
        policy, critic = objectives.hindsight(self.model, batch, batch.latents[:, : batch.window], rng)
        terms = {
            "teacher": teacher,
            "rollout": rollout,
            "inverse": objectives.inverse_dynamics(self.model, batch),
            "policy": policy,
            "critic": critic,
        }
        terms |= self._regularise(batch.latents, rng)
        return self.weigh(terms), terms

    def _regularise(self, latents: torch.Tensor, rng: np.random.Generator) -> Losses:
        if self.plan.regulariser == "sigreg":
            generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
            return {"sigreg": sigreg(latents.flatten(2), generator, self.compute.group)}
        variance, covariance = spread(latents.flatten(0, 1), self.compute.group)
        return {"variance": variance, "covariance": covariance}

    def weigh(self, terms: Losses) -> torch.Tensor:
        """The weighted sum of loss terms."""
        return torch.stack([getattr(self.plan.weights, name) * term for name, term in terms.items()]).sum()

    def draw(self, rng: np.random.Generator) -> Window:
        """The window of a step, of all processes; `drawn` notes the rows that it is made of."""
        window = draw(self.frames, self.window, self.schedule.batch, rng)
        self.drawn = np.concatenate([window.rows, window.chunk_rows.reshape(len(window.rows), -1)], axis=1)
        return window

    def batch(self, window: Window) -> objectives.Batch:
        """The tensors of a window, the pictures of this process's share encoded."""
        images = take(self.frames.images, window.rows[self.share(window.rows)], self.compute.device)
        (latents,) = self.compute.in_parts(self._encode, images.flatten(0, 1))
        return self._batch(window, latents.unflatten(0, images.shape[:2]))

    def _encode(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        encoder = self.model.encoder
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.plan.freeze_video):
            tokens = encoder.video.encode_frames(images)
        return (encoder.readout(tokens),)

    def _batch(self, window: Window, latents: torch.Tensor) -> objectives.Batch:
        share, device, count = self.share(window.rows), self.compute.device, window.chunk_rows.shape[1]
        return objectives.Batch(
            latents,
            take(self.frames.states, window.rows[share, :count], device),
            take(self.frames.actions, window.chunk_rows[share], device),
            torch.from_numpy(window.steps).to(device),
            torch.from_numpy(window.chunk_guided).to(device),
            self.compute.group,
        )


class Heads(Joint):
    """Predictor, critic and policy on frozen latents: many cheap steps and long roll-outs.

    The critic and the policy also learn from predicted latents, because that is what planning shows them.

    Args:
        further: Datasets beside `frames`.
        latents: Those of the datasets, for stages that share them; None encodes here.
    """

    name = "heads"

    def __init__(
        self,
        plan: TrainingPlan,
        model: WorldModel,
        frames: Frames,
        compute: Compute,
        seed: int,
        further: Sequence[Frames] = (),
        *,
        latents: Latents | None = None,
    ) -> None:
        parts = [frames, *further]
        super().__init__(plan, model, Frames.joined(parts), compute, seed)
        self.name, self.window = self.named(len(further)), plan.heads_window
        known = latents or Latents(model, compute)
        self.latents = np.concatenate([known.of(part) for part in parts])

    @classmethod
    def named(cls, count: int) -> str:
        """Name of the stage that learns from `count` further datasets."""
        return cls.name

    @staticmethod
    def planned(plan: TrainingPlan) -> Schedule:
        return plan.heads

    def parameters(self) -> list[nn.Parameter]:
        trained = (self.model.predictor, self.model.critic, self.model.policy)
        return [parameter for module in trained for parameter in module.parameters()]

    def batch(self, window: Window) -> objectives.Batch:
        return self._batch(window, take(self.latents, window.rows[self.share(window.rows)], self.compute.device))

    def loss(self, step: int) -> tuple[torch.Tensor, Losses]:
        rng = self.generator(step)
        batch = self.batch(self.draw(rng))
        teacher, rollout, predicted = objectives.prediction(self.model, batch)
        start = batch.latents[:, : batch.window].clone()
        imagined = slice(max(0, len(batch.steps) // 2 - batch.share.start))
        start[imagined, 1:] = predicted[imagined].detach()
        policy, critic = objectives.hindsight(self.model, batch, start, rng)
        terms = {"teacher": teacher, "rollout": rollout, "policy": policy, "critic": critic}
        return self.weigh(terms), terms


class Refine(Heads):
    """The same once more with further episodes, such as corrections of what the policy of the stage before did."""

    @classmethod
    def named(cls, count: int) -> str:
        return f"refine_{count}"

    @staticmethod
    def planned(plan: TrainingPlan) -> Schedule:
        return plan.refine
