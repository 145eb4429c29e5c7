"""Candidates followed through the world model and judged: guardrails first, then energies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robot_wm.actions import integrate
from robot_wm.actor.space import SearchSpace
from robot_wm.cost.term import Constraint, Cost, Rollout, weighted_energies


class WorldModel(Protocol):
    """A model that predicts the latents of whole candidate chunks in one call."""

    @property
    def horizon(self) -> int:
        """H, steps of a roll-out."""

    def rollout(self, latent: np.ndarray, state: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Latents (C, H, N, D) after each of `actions` (C, H, 7), from `latent` (N, D) and `state` (8,)."""


@dataclass(frozen=True)
class Candidates:
    """Feasible candidates with their energies, in the order they were given.

    Attributes:
        actions: (C, H, 7).
        states: (C, H, 8).
        energies: (C, H) weighted sum of all terms.
        totals: (C,) energies summed over the horizon; infinite where an energy was not a number.
        refusal: Why candidates were left out, empty when none was.
    """

    actions: np.ndarray
    states: np.ndarray
    energies: np.ndarray
    totals: np.ndarray
    refusal: str = ""

    def __len__(self) -> int:
        return len(self.actions)

    def best(self, count: int) -> Candidates:
        """The `count` candidates of least energy, best first."""
        order = np.argsort(self.totals, kind="stable")[:count]
        return Candidates(self.actions[order], self.states[order], self.energies[order], self.totals[order])

    def join(self, other: Candidates) -> Candidates:
        """These candidates, then the others."""
        return Candidates(
            np.concatenate([self.actions, other.actions]),
            np.concatenate([self.states, other.states]),
            np.concatenate([self.energies, other.energies]),
            np.concatenate([self.totals, other.totals]),
            other.refusal,
        )


def imagine(
    model: WorldModel,
    costs: Sequence[Cost],
    constraints: Sequence[Constraint],
    space: SearchSpace,
    latent: np.ndarray,
    state: np.ndarray,
    actions: np.ndarray,
) -> Candidates:
    """Repairs, filters and scores `actions` (C, H, 7); the model sees only candidates that keep every constraint."""
    actions, states, refusal = keep_constraints(constraints, space, state, actions)
    if len(actions) == 0:
        return Candidates(actions, states, np.empty(actions.shape[:2]), np.empty(0), refusal)
    energies = weighted_energies(costs, Rollout(actions, states, model.rollout(latent, state, actions)))
    return Candidates(actions, states, energies, energies.sum(axis=1), refusal)


def keep_constraints(
    constraints: Sequence[Constraint], space: SearchSpace, state: np.ndarray, actions: np.ndarray
) -> tuple[np.ndarray, np.ndarray, str]:
    """Repairs `actions` (C, H, 7) and leaves out what breaks a constraint even so.

    Returns:
        The actions and states of those that are left, and the reason that most of the others are not.
    """
    for constraint in constraints:
        actions = space.clip(constraint.repair(state, actions))
    states = integrate(state, actions)
    feasible, refusal, most = np.ones(len(actions), dtype=bool), "", 0
    for constraint in constraints:
        violation = constraint.violation(state, actions, states)
        kept = violation <= 0
        feasible &= kept
        if np.count_nonzero(~kept) > most:
            refusal, most = constraint.reason(float(np.min(violation))), int(np.count_nonzero(~kept))
    return actions[feasible], states[feasible], refusal
