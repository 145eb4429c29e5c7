"""Mode 1: the reactive policy, which answers at once and also proposes where mode 2 should search."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from robot_wm.actor.plan import Proposals
from robot_wm.actor.space import ActionSpace


class PolicyModel(Protocol):
    """A model with a learned chunk distribution: mean and standard deviation (H, 7), physical units."""

    def policy(self, latent: np.ndarray, goal: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...


def propose(
    model: PolicyModel,
    space: ActionSpace,
    latent: np.ndarray,
    goal: np.ndarray,
    state: np.ndarray,
    *,
    horizon: int,
    previous: np.ndarray | None = None,
) -> Proposals:
    """The policy's mean and spread, cut to `horizon`, beside the last plan."""
    mean, std = model.policy(latent, goal, state)
    return Proposals(mean=space.clip(mean[:horizon]), std=std[:horizon], previous=previous)


def random_chunk(space: ActionSpace, horizon: int, rng: np.random.Generator) -> np.ndarray:
    """A chunk (H, 7) drawn evenly from the bounds, every step on its own: the baseline that knows nothing."""
    return space.to_actions(rng.uniform(-1.0, 1.0, (horizon, space.free)))
