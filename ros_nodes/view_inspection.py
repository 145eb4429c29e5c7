"""The check before motion as the planner does it: the arm nods while each latent is looked at."""

from __future__ import annotations

from typing import Literal

import numpy as np

from robot_wm.contract import Contract
from robot_wm.safety.view_check import NOD_S, ViewCheck, nod
from robot_wm.understanding.view import View

TRIES = 5
"""Nods before it is said that the arm does not move; one that something held up is begun again."""


class ViewInspection:
    """Follows latents and states until there is a verdict.

    Args:
        view: What reads latents.
        contract: Workspace and time of a step.
        horizon: Poses of a plan.

    Attributes:
        refusal: Why the arm must not move; empty unless `step` said "refused".
    """

    def __init__(self, view: View, contract: Contract, horizon: int) -> None:
        self._view, self._contract, self._horizon = view, contract, horizon
        self.refusal = ""
        self.begin()

    def begin(self) -> None:
        """Begins anew with the next latent."""
        self._check, self._start, self._begin_s, self._tries = ViewCheck(self._view.bounds), np.empty(0), 0.0, 0

    def step(self, latent: np.ndarray, state: np.ndarray, stamp_s: float) -> Literal["nodding", "passed", "refused"]:
        """Looks at a latent (N, D) and the state (8,) of its time; `poses` has the way to go on."""
        if not len(self._start):
            self._start, self._begin_s = state[:7].astype(np.float64), stamp_s
        places, odd = self._view.read(latent[None])
        self._check.look(places[0], float(odd[0]), state[:3])
        if stamp_s - self._begin_s < NOD_S:
            return "nodding"
        if not self._check.is_enough:
            return self._once_more()
        self.refusal = self._check.refusal()
        return "refused" if self.refusal else "passed"

    def _once_more(self) -> Literal["nodding", "refused"]:
        tries = self._tries + 1
        if tries == TRIES:
            self.refusal = f"the arm did not move in {TRIES} tries, so that what the camera shows could not be checked"
            return "refused"
        self.begin()
        self._tries = tries
        return "nodding"

    def poses(self, stamp_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Times (H,) after `stamp_s`, and the poses (H, 7) of the nod at those times; none before it has begun."""
        if not len(self._start):
            return np.empty(0), np.empty((0, 7))
        times_s = self._contract.step_s * np.arange(1, self._horizon + 1)
        return times_s, nod(self._start, stamp_s - self._begin_s + times_s, self._contract)
