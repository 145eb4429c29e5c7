"""What an agent decides: the chunk of actions, how it was found and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from robot_wm.actor.plan import Fallback
from robot_wm.situation import Verdict


@dataclass(frozen=True)
class Decision:
    """What to do next, and how it was found.

    Attributes:
        actions: (H, 7) the chunk; with status "hold" it keeps the pose and the gripper's last commanded opening.
        poses: (H, 8) predicted states after each action.
        energy: Sum of `energies`; infinite when holding.
        energies: (H,) of each step; empty when holding.
        iterations: Iterations of the search.
        plan_ms: Time that deciding took.
        encode_ms: Time that encoding the image took; 0 where the latent was given.
        status: "act" or "hold".
        reason: Why it holds, backs off or was not searched for; empty when it moves towards the goal as planned.
        fallback: What stands in for a plan that there was no time for; empty when there was.
        situation: What the agent makes of it; with "stuck" and "unsure" there is a question in `QUESTIONS`.
        steps_to_go: The critic's steps to the goal; infinite without a goal.
        surprise: By how much the latent differs from what was predicted of it, in standard deviations of the latent;
            None where nothing was predicted.
        uncertainty: Disagreement about the first action, as a share of its bound; None where the bundle cannot tell.
        novelty: How far the latent is from all that the memory holds, in standard deviations; None without a memory.
        subgoal: (N, D) a latent like the sub-goal that the fast level pursues; None when it aims at the goal itself.
    """

    actions: np.ndarray
    poses: np.ndarray
    energy: float
    energies: np.ndarray
    iterations: int
    plan_ms: float
    encode_ms: float
    status: Literal["act", "hold"]
    reason: str
    fallback: Fallback = ""
    situation: Verdict = "under way"
    steps_to_go: float = float("inf")
    surprise: float | None = None
    uncertainty: float | None = None
    novelty: float | None = None
    subgoal: np.ndarray | None = None
