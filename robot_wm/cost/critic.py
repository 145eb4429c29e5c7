"""The learned critic as a cost: expected steps to go."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from robot_wm.cost.term import Cost, Rollout


class CriticModel(Protocol):
    """A model that knows how many steps (M,) lie between latents (M, N, D) and a goal (N, D)."""

    def critic(self, latents: np.ndarray, goal: np.ndarray) -> np.ndarray: ...


class StepsToGo(Cost):
    """Learned temporal distance from each predicted latent to the goal, in steps."""

    def __init__(
        self, model: CriticModel, goal: np.ndarray, *, weight: float = 1.0, terminal_weight: float = 0.0
    ) -> None:
        super().__init__(weight, terminal_weight)
        self.model = model
        self.goal = goal

    def energy(self, rollout: Rollout) -> np.ndarray:
        candidates, horizon, *latent = rollout.latents.shape
        steps = self.model.critic(rollout.latents.reshape(candidates * horizon, *latent), self.goal)
        return steps.reshape(candidates, horizon)
