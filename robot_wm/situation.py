"""What the agent makes of its situation: under way, at the goal, stuck, or in a world that it does not know."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

Verdict = Literal["under way", "reached", "stuck", "unsure"]
REACHED_DECISIONS, UNSURE_DECISIONS, GIVE_UP_ATTEMPTS = 2, 3, 3
PROGRESS_STEPS = 1.0
QUESTIONS: dict[Verdict, str] = {
    "stuck": "no progress towards the goal after several attempts: go on, show another goal, or help by hand?",
    "unsure": "this is unlike what was learned, or does not move as predicted: is something new? go on, or stop?",
}


class Situation:
    """Follows the decisions towards one goal.

    Args:
        reached_steps: A goal that the critic sees within so many steps is reached.
        surprise_bound: Above it for `UNSURE_DECISIONS` in a row, the model does not know this world; None for never.
        uncertainty_bound: The same for the disagreement about what was decided.
    """

    def __init__(
        self, reached_steps: float, surprise_bound: float | None, uncertainty_bound: float | None = None
    ) -> None:
        self._reached_steps = reached_steps
        self._surprise, self._uncertainty = _Lasting(surprise_bound), _Lasting(uncertainty_bound)
        self.reset()

    def reset(self) -> None:
        """Forgets everything; for a new goal, or when the operator says to go on."""
        self._near = self._fruitless = 0
        self._before = self._attempt = math.inf
        self._surprise.reset()
        self._uncertainty.reset()

    def retreated(self) -> None:
        """Takes note that an attempt was given up; it counts unless it came nearer to the goal than those before."""
        self._fruitless = 0 if self._comes_nearer() else self._fruitless + 1
        self._before, self._attempt = min(self._before, self._attempt), math.inf

    def _comes_nearer(self) -> bool:
        return self._attempt < self._before - PROGRESS_STEPS

    def notice(self, steps_to_go: float, surprise: float | None, uncertainty: float | None = None) -> Verdict:
        """The verdict after a decision.

        Args:
            steps_to_go: The critic's steps to the goal.
            surprise: By how much the latent differs from what was predicted of it; None where nothing was.
            uncertainty: Disagreement about the step that was decided last; None where it is not known.
        """
        self._attempt = min(self._attempt, steps_to_go)
        self._near = self._near + 1 if steps_to_go <= self._reached_steps else 0
        is_odd, is_unknown = self._surprise.notice(surprise), self._uncertainty.notice(uncertainty)
        if self._near >= REACHED_DECISIONS:
            return "reached"
        if is_odd or is_unknown:
            return "unsure"
        is_stuck = self._fruitless >= GIVE_UP_ATTEMPTS and not self._comes_nearer()
        return "stuck" if is_stuck else "under way"


class _Lasting:
    """Whether something was above a bound in `UNSURE_DECISIONS` in a row; what is not known changes nothing."""

    def __init__(self, bound: float | None) -> None:
        self._bound = bound
        self.reset()

    def reset(self) -> None:
        self._count = 0

    def notice(self, value: float | None) -> bool:
        if value is not None and self._bound is not None:
            self._count = self._count + 1 if value > self._bound else 0
        return self._count >= UNSURE_DECISIONS


def longest_surprise(surprises: np.ndarray) -> float:
    """The largest bound that surprises (T,) in order of time exceed `UNSURE_DECISIONS` times in a row."""
    windows = np.lib.stride_tricks.sliding_window_view(surprises, UNSURE_DECISIONS)
    return float(windows.min(axis=1).max())


def conformal_bound(scores: np.ndarray, alarms: float) -> float:
    """The bound that a new score exceeds with a chance of at most `alarms`, if it is exchangeable with `scores` (n,).

    It is the ceil((n + 1)(1 - alarms))-th smallest score (split conformal prediction, Vovk et al. 2005), and infinite
    when there are too few scores for so small a chance.
    """
    rank = int(np.ceil((len(scores) + 1) * (1.0 - alarms)))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else float("inf")
