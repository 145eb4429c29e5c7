"""Stage 1: masked video prediction (V-JEPA), from the frames of the dataset and of further videos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from robot_wm.perception.encoder import STRIDE
from robot_wm.perception.masks import V_JEPA_MASKS
from robot_wm.perception.vjepa import MaskedVideoModel
from robot_wm.training.compute import Compute
from robot_wm.training.config import Schedule, TrainingPlan
from robot_wm.training.regularisers import sigreg, spread
from robot_wm.training.stage import Losses, Stage
from robot_wm.training.windows import Frames, WindowConfig, draw, take_images
from robot_wm.world_model.model import WorldModel

SIGREG_PLACES = 8
"""Places of the visible tokens whose distribution SIGReg tests in a step; all of them would take much memory."""


class Pretrain(Stage):
    """Masked video prediction.

    Args:
        videos: Episodes of pictures beside `frames`; the rest of what they hold is not looked at.
    """

    name = "pretrain"

    def __init__(
        self,
        plan: TrainingPlan,
        model: WorldModel,
        frames: Frames,
        compute: Compute,
        seed: int,
        videos: Sequence[Frames] = (),
    ) -> None:
        super().__init__(plan, model, Frames.joined([frames, *videos]), compute, seed)
        self.images = [part.images for part in (frames, *videos)]
        self.config = plan.pretrain
        self.masked = MaskedVideoModel(model.encoder.video, plan.pretrain.momentum).to(compute.device)
        self.modules["masked"] = self.masked

    @staticmethod
    def planned(plan: TrainingPlan) -> Schedule:
        return plan.pretrain.schedule

    def parameters(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.masked.parameters() if parameter.requires_grad]

    def loss(self, step: int) -> tuple[torch.Tensor, Losses]:
        rng = self.generator(step)
        span = (self.config.frames - 1) * self.config.stride + 1
        self.drawn = draw(self.frames, WindowConfig(frames=span, goals=1), self.schedule.batch, rng).rows[:, :1]
        rows = self.drawn[self.share(self.drawn)] + np.arange(self.config.frames) * self.config.stride
        clips = take_images(self.images, rows, self.compute.device)
        side = self.plan.model.encoder.image_size // STRIDE
        torch_rng = torch.Generator().manual_seed(int(rng.integers(2**31)))
        hidden = V_JEPA_MASKS[step % len(V_JEPA_MASKS)].sample(1, (side, side), torch_rng).expand(len(clips), -1, -1)
        group = self.compute.group
        masked, visible = self.masked.loss(clips, hidden, total=group.total, in_parts=self.compute.in_parts)
        terms = {"masked": masked} | self._regularise(visible, torch_rng)
        return torch.stack([self._weight(name) * term for name, term in terms.items()]).sum(), terms

    def _regularise(self, visible: torch.Tensor, generator: torch.Generator) -> Losses:
        group = self.compute.group
        if self.plan.regulariser == "sigreg":
            places = torch.randperm(visible.shape[1], generator=generator)[:SIGREG_PLACES]
            return {"sigreg": sigreg(visible[:, places], generator, group)}
        count = group.total(visible.new_tensor(float(len(visible))))
        centred = visible - group.total(visible.sum(0)) / count
        variance, covariance = spread(centred.flatten(0, 1)[:, None], group)
        return {"variance": variance, "covariance": covariance}

    def _weight(self, name: str) -> float:
        return 1.0 if name == "masked" else getattr(self.config, name)

    def after_step(self) -> None:
        self.masked.update_target()
