"""Mean and scale of states and actions, kept inside the model so that its inputs are physical."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


class Scaling(nn.Module):
    """Normalises states (…, 8) and actions (…, 7) with the statistics of the training data."""

    state_mean: torch.Tensor
    state_scale: torch.Tensor
    action_mean: torch.Tensor
    action_scale: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, size in (("state", 8), ("action", 7)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))

    def fit(self, states: np.ndarray, actions: np.ndarray) -> None:
        """Takes the statistics of states (M, 8) and actions (M, 7); a constant dimension keeps the scale 1."""
        for name, rows in (("state", states), ("action", actions)):
            std = rows.std(0)
            getattr(self, f"{name}_mean").copy_(torch.as_tensor(rows.mean(0)))
            getattr(self, f"{name}_scale").copy_(torch.as_tensor(np.where(std > 1e-4, std, 1.0)))

    def state(self, state: torch.Tensor) -> torch.Tensor:
        """States to zero mean and unit variance."""
        return (state - self.state_mean) / self.state_scale

    def action(self, action: torch.Tensor) -> torch.Tensor:
        """Actions to zero mean and unit variance."""
        return (action - self.action_mean) / self.action_scale

    def physical(self, action: torch.Tensor) -> torch.Tensor:
        """Normalised actions back to physical units."""
        return action * self.action_scale + self.action_mean
