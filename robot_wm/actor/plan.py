"""What a planner starts from and what it returns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from robot_wm.actions import integrate, stay
from robot_wm.actor.imagine import Candidates

Fallback = Literal["", "previous", "policy", "hold"]


@dataclass(frozen=True)
class Proposals:
    """Where the search begins.

    Attributes:
        mean: (H, 7) centre of the reactive policy's chunk, if there is a policy.
        std: (H, 7) its spread.
        chunks: (K, H, 7) further chunks to try as they are, for example samples of the policy.
        previous: (H, 7) the last plan, already shifted to now.
    """

    mean: np.ndarray | None = None
    std: np.ndarray | None = None
    chunks: np.ndarray | None = None
    previous: np.ndarray | None = None

    def as_candidates(self) -> list[np.ndarray]:
        """Every proposed chunk, each (H, 7)."""
        single = [chunk for chunk in (self.mean, self.previous) if chunk is not None]
        return single + ([] if self.chunks is None else list(self.chunks))


@dataclass(frozen=True)
class Plan:
    """A chunk to execute, or the decision to hold still.

    Attributes:
        actions: (H, 7).
        states: (H, 8) predicted states after each action.
        energies: (H,) of each step; empty when holding.
        energy: Their sum; infinite when holding.
        iterations: Iterations of the search that were finished.
        candidates: Candidates whose futures were predicted.
        reason: Why it holds, backs off or was not searched for; empty when it moves towards the goal as planned.
        fallback: What the plan is in place of one that there was no time for; empty when there was.
    """

    actions: np.ndarray
    states: np.ndarray
    energies: np.ndarray
    energy: float
    iterations: int
    candidates: int
    status: Literal["act", "hold"] = "act"
    reason: str = ""
    fallback: Fallback = ""


def best_plan(pool: Candidates, state: np.ndarray, horizon: int, iterations: int, candidates: int) -> Plan:
    """The best of `pool` as a plan; a hold with the reason when it has no candidate of finite energy."""
    if len(pool) and np.isfinite(pool.totals).any():
        best = int(np.argmin(pool.totals))
        actions, states, energies = pool.actions[best], pool.states[best], pool.energies[best]
        return Plan(actions, states, energies, float(pool.totals[best]), iterations, candidates)
    reason = "no candidate has a finite energy" if len(pool) else pool.refusal
    return hold(state, horizon, reason, iterations, candidates)


def hold(state: np.ndarray, horizon: int, reason: str, iterations: int = 0, candidates: int = 0) -> Plan:
    """Standing still, with the reason."""
    states = np.repeat(np.asarray(state, dtype=np.float32)[None], horizon, axis=0)
    energies = np.empty(0, dtype=np.float32)
    return Plan(stay(state, horizon), states, energies, float("inf"), iterations, candidates, "hold", reason)


def slowed(plan: Plan, state: np.ndarray, reason: str) -> Plan:
    """The way of a plan from `state` (8,) at half its speed: each displacement takes two steps, the last ones fall out.

    The energies are those of the plan as it was found.
    """
    actions = np.repeat(plan.actions, 2, axis=0)[: len(plan.actions)]
    actions[:, :6] *= 0.5
    return replace(plan, actions=actions, states=integrate(state, actions[None])[0], reason=reason)


def shifted(actions: np.ndarray) -> np.ndarray:
    """A chunk (H, 7) one step later: its first action is done, its last displacement is followed by standing still."""
    last = actions[-1:].copy()
    last[:, :6] = 0.0
    return np.concatenate([actions[1:], last])
