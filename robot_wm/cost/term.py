"""What a cost term and a constraint are, and what they look at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rollout:
    """C imagined futures of H steps.

    Attributes:
        actions: (C, H, 7).
        states: (C, H, 8) end-effector states after each action, integrated without the model.
        latents: (C, H, N, D) predicted after each action.
    """

    actions: np.ndarray
    states: np.ndarray
    latents: np.ndarray


class Cost(ABC):
    """An energy: the lower, the better. It counts at every step, and once more at the last.

    Attributes:
        weight: Of the energy at each step.
        terminal_weight: Added to it at the last step.
    """

    def __init__(self, weight: float, terminal_weight: float = 0.0) -> None:
        self.weight = weight
        self.terminal_weight = terminal_weight

    @abstractmethod
    def energy(self, rollout: Rollout) -> np.ndarray:
        """Energies (C, H) of every candidate after every step."""


class Weighted(Cost):
    """Several terms as one, with a weight of their own beside those within."""

    def __init__(self, terms: Sequence[Cost], weight: float) -> None:
        super().__init__(weight)
        self.terms = tuple(terms)

    def energy(self, rollout: Rollout) -> np.ndarray:
        return weighted_energies(self.terms, rollout)


class Constraint(ABC):
    """A limit that may not be traded away: a candidate that breaks it is never returned."""

    @abstractmethod
    def violation(self, state: np.ndarray, actions: np.ndarray, states: np.ndarray) -> np.ndarray:
        """By how much (C,) each candidate breaks the limit; zero keeps it.

        Args:
            state: (8,) the measured state that the candidates start from.
            actions: (C, H, 7).
            states: (C, H, 8).
        """

    @abstractmethod
    def reason(self, violation: float) -> str:
        """Why nothing is feasible, when even the least violation is `violation`."""

    def repair(self, state: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """The nearest actions (C, H, 7) that keep the limit, if these are easy to find; `violation` judges anyway."""
        return actions


def weighted_energies(costs: Sequence[Cost], rollout: Rollout) -> np.ndarray:
    """The weighted sum (C, H) of all terms; an energy that is not a number counts as infinite, the worst."""
    total = np.zeros(rollout.actions.shape[:2])
    with np.errstate(invalid="ignore"):
        for cost in costs:
            energy = cost.energy(rollout)
            total += cost.weight * energy
            total[:, -1] += cost.terminal_weight * energy[:, -1]
    return np.where(np.isfinite(total), total, np.inf)
