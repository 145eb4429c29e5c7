"""The stages of training; each knows its modules, its schedule and the loss of a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from robot_wm.perception.encoder import STRIDE
from robot_wm.perception.masks import V_JEPA_MASKS
from robot_wm.perception.vjepa import MaskedVideoModel
from robot_wm.training import objectives
from robot_wm.training.config import Schedule, TrainingPlan
from robot_wm.training.windows import Frames, Window, WindowConfig, draw, take
from robot_wm.world_model.model import WorldModel

Losses = dict[str, torch.Tensor]


class Stage(ABC):
    """One stage of training.

    A step's batch is a function of the seed, the stage and the step alone, so that a resumed run sees what the killed
    one would have seen.
    """

    name: str
    schedule: Schedule
    modules: dict[str, nn.Module]

    def __init__(self, plan: TrainingPlan, model: WorldModel, frames: Frames, device: torch.device, seed: int) -> None:
        self.plan, self.model, self.frames, self.device, self.seed = plan, model, frames, device, seed
        self.schedule = self.planned(plan)
        self.modules = {"model": model}

    @staticmethod
    @abstractmethod
    def planned(plan: TrainingPlan) -> Schedule:
        """The stage's schedule in a plan."""

    @abstractmethod
    def loss(self, step: int) -> tuple[torch.Tensor, Losses]:
        """The loss to minimise at a step, and its terms by name."""

    @abstractmethod
    def parameters(self) -> list[nn.Parameter]:
        """What the stage trains."""

    def after_step(self) -> None:
        """Runs after each optimiser step; nothing, unless a stage has something to update."""
        return

    def generator(self, step: int) -> np.random.Generator:
        """The random numbers of one step."""
        return np.random.default_rng([self.seed, *self.name.encode(), step])


class Pretrain(Stage):
    """Masked video prediction (V-JEPA)."""

    name = "pretrain"

    def __init__(self, plan: TrainingPlan, model: WorldModel, frames: Frames, device: torch.device, seed: int) -> None:
        super().__init__(plan, model, frames, device, seed)
        self.config = plan.pretrain
        self.masked = MaskedVideoModel(model.encoder.video, plan.pretrain.momentum).to(device)
        self.modules["masked"] = self.masked

    @staticmethod
    def planned(plan: TrainingPlan) -> Schedule:
        return plan.pretrain.schedule

    def parameters(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.masked.parameters() if parameter.requires_grad]

    def loss(self, step: int) -> tuple[torch.Tensor, Losses]:
        rng = self.generator(step)
        span = (self.config.frames - 1) * self.config.stride + 1
        starts = draw(self.frames, WindowConfig(frames=span, goals=1), self.schedule.batch, rng).rows[:, :1]
        clips = take(self.frames.images, starts + np.arange(self.config.frames) * self.config.stride, self.device)
        side = self.plan.model.encoder.image_size // STRIDE
        torch_rng = torch.Generator().manual_seed(int(rng.integers(2**31)))
        hidden = V_JEPA_MASKS[step % len(V_JEPA_MASKS)].sample(1, (side, side), torch_rng).expand(len(clips), -1, -1)
        masked, visible = self.masked.loss(clips, hidden)
        variance, covariance = objectives.spread((visible - visible.mean(0)).flatten(0, 1)[:, None])
        terms = {"masked": masked, "variance": variance, "covariance": covariance}
        return masked + self.config.variance * variance + self.config.covariance * covariance, terms

    def after_step(self) -> None:
        self.masked.update_target()


class Joint(Stage):
    """Encoder, predictor and heads together, from pictures."""

    name = "joint"

    def __init__(self, plan: TrainingPlan, model: WorldModel, frames: Frames, device: torch.device, seed: int) -> None:
        super().__init__(plan, model, frames, device, seed)
        self.window = plan.window

    @staticmethod
    def planned(plan: TrainingPlan) -> Schedule:
        return plan.joint

    def parameters(self) -> list[nn.Parameter]:
        return list(self.model.parameters())

    def loss(self, step: int) -> tuple[torch.Tensor, Losses]:
        rng = self.generator(step)
        window = draw(self.frames, self.window, self.schedule.batch, rng)
        batch = self.batch(window)
        teacher, rollout, _ = objectives.prediction(self.model, batch)
        policy, critic = objectives.hindsight(self.model, batch, batch.latents[:, : batch.window], rng)
        variance, covariance = objectives.spread(batch.latents.flatten(0, 1))
        terms = {
            "teacher": teacher,
            "rollout": rollout,
            "inverse": objectives.inverse_dynamics(self.model, batch),
            "policy": policy,
            "critic": critic,
            "variance": variance,
            "covariance": covariance,
        }
        return self.weigh(terms), terms

    def weigh(self, terms: Losses) -> torch.Tensor:
        """The weighted sum of loss terms."""
        return torch.stack([getattr(self.plan.weights, name) * term for name, term in terms.items()]).sum()

    def batch(self, window: Window) -> objectives.Batch:
        """The tensors of a window, its pictures encoded."""
        latents = self.model.encoder(take(self.frames.images, window.rows, self.device).flatten(0, 1))
        return self._batch(window, latents.unflatten(0, window.rows.shape))

    def _batch(self, window: Window, latents: torch.Tensor) -> objectives.Batch:
        count = window.chunk_rows.shape[1]
        return objectives.Batch(
            latents,
            torch.from_numpy(window.steps).to(self.device),
            take(self.frames.states, window.rows[:, :count], self.device),
            take(self.frames.actions, window.chunk_rows, self.device),
            torch.from_numpy(window.chunk_valid).to(self.device),
        )


class Heads(Joint):
    """Predictor, critic and policy on frozen latents: many cheap steps and long roll-outs.

    The critic and the policy also learn from predicted latents, because that is what planning shows them.

    Args:
        further: Datasets beside `frames`.
    """

    name = "heads"

    def __init__(
        self,
        plan: TrainingPlan,
        model: WorldModel,
        frames: Frames,
        device: torch.device,
        seed: int,
        further: Sequence[Frames] = (),
    ) -> None:
        parts = [frames, *further]
        super().__init__(plan, model, Frames.joined(parts), device, seed)
        self.window = plan.heads_window
        self.latents = np.concatenate([encode_rows(model, part, np.arange(len(part.images)), device) for part in parts])

    @staticmethod
    def planned(plan: TrainingPlan) -> Schedule:
        return plan.heads

    def parameters(self) -> list[nn.Parameter]:
        trained = (self.model.predictor, self.model.critic, self.model.policy)
        return [parameter for module in trained for parameter in module.parameters()]

    def batch(self, window: Window) -> objectives.Batch:
        return self._batch(window, take(self.latents, window.rows, self.device))

    def loss(self, step: int) -> tuple[torch.Tensor, Losses]:
        rng = self.generator(step)
        batch = self.batch(draw(self.frames, self.window, self.schedule.batch, rng))
        teacher, rollout, predicted = objectives.prediction(self.model, batch)
        start = batch.latents[:, : batch.window].clone()
        imagined = slice(len(start) // 2)
        start[imagined, 1:] = predicted[imagined].detach()
        policy, critic = objectives.hindsight(self.model, batch, start, rng)
        terms = {"teacher": teacher, "rollout": rollout, "policy": policy, "critic": critic}
        return self.weigh(terms), terms


class Refine(Heads):
    """The same once more with further episodes, such as corrections of what the policy of the stage before did."""

    def __init__(
        self,
        plan: TrainingPlan,
        model: WorldModel,
        frames: Frames,
        device: torch.device,
        seed: int,
        further: Sequence[Frames],
    ) -> None:
        super().__init__(plan, model, frames, device, seed, further)
        self.name = self.named(len(further))

    @staticmethod
    def named(count: int) -> str:
        """Name of the stage that learns from `count` further datasets."""
        return f"refine_{count}"

    @staticmethod
    def planned(plan: TrainingPlan) -> Schedule:
        return plan.refine


@torch.no_grad()
def encode_rows(model: WorldModel, frames: Frames, rows: np.ndarray, device: torch.device) -> np.ndarray:
    """Latents of some frames, float32 (M, N, D), as the frozen encoder gives them."""
    was_training = model.training
    model.eval()
    parts = np.array_split(rows, max(1, len(rows) // 128))
    latents = np.concatenate([model.encoder(take(frames.images, part, device)).cpu().numpy() for part in parts])
    model.train(was_training)
    return latents
