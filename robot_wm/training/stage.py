"""What a stage of training is: modules, a schedule, and the loss of a step."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import nn

from robot_wm.errors import TrainingError
from robot_wm.training.compute import Compute
from robot_wm.training.config import Schedule, TrainingPlan
from robot_wm.training.monitors import monitor
from robot_wm.training.windows import Frames
from robot_wm.world_model.model import WorldModel

Losses = dict[str, torch.Tensor]


class Stage(ABC):
    """One stage of training.

    A step's batch is a function of the seed, the stage and the step alone, so that a resumed run sees what the killed
    one would have seen, and each of several processes can take its share of it.

    Attributes:
        drawn: Rows of the last batch, (B, …), of all processes.
    """

    name: str
    schedule: Schedule
    modules: dict[str, nn.Module]
    drawn: np.ndarray

    def __init__(self, plan: TrainingPlan, model: WorldModel, frames: Frames, compute: Compute, seed: int) -> None:
        self.plan, self.model, self.frames, self.compute, self.seed = plan, model, frames, compute, seed
        self.schedule = self.planned(plan)
        self.modules = {"model": model}
        if self.schedule.batch < compute.group.size:
            raise TrainingError(
                f"stage {self.name}: a batch of {self.schedule.batch} cannot be shared by {compute.group.size} "
                "processes; start fewer or raise the batch"
            )

    @staticmethod
    @abstractmethod
    def planned(plan: TrainingPlan) -> Schedule:
        """The stage's schedule in a plan."""

    @abstractmethod
    def loss(self, step: int) -> tuple[torch.Tensor, Losses]:
        """This process's share of the loss to minimise at a step, and of its terms by name."""

    @abstractmethod
    def parameters(self) -> list[nn.Parameter]:
        """What the stage trains."""

    def after_step(self) -> None:
        """Runs after each optimiser step; nothing, unless a stage has something to update."""
        return

    def measure(self, train: Frames, held_out: Frames) -> dict[str, float]:
        """Figures of what has been learned so far; `robot_wm.training.monitors.monitor` unless a stage has its own."""
        return monitor(self.model, train, held_out, self.compute.device)

    def share(self, rows: np.ndarray) -> slice:
        """The samples of a batch of rows (B, …) that are this process's."""
        return self.compute.group.share(len(rows))

    def source(self) -> str:
        """Which episodes the last batch came from, and which of its rows hold numbers that are not finite."""
        starts = self.frames.starts
        episode = np.searchsorted(starts, self.drawn[:, 0], side="right") - 1
        text = f"the batch came from episodes {', '.join(map(str, np.unique(episode)))}"
        rows = np.unique(self.drawn)
        for name, columns in (("states", self.frames.states), ("actions", self.frames.actions)):
            known = rows[rows < len(columns)]
            bad = known[~np.isfinite(columns[known]).all(1)]
            if len(bad):
                home = np.searchsorted(starts, bad, side="right") - 1
                places = ", ".join(f"{row} (episode {e})" for row, e in zip(bad[:8], home[:8], strict=True))
                text += f"; its {name} are not finite in rows {places}"
        return text

    def generator(self, step: int) -> np.random.Generator:
        """The random numbers of one step, the same in every process."""
        return np.random.default_rng([self.seed, *self.name.encode(), step])
