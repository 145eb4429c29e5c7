"""Backing off when nothing comes of it: an arm that stands still short of its goal, or tries in vain, tries anew."""

from __future__ import annotations

from collections import deque

import numpy as np

from robot_wm.actor.settings import PlannerSettings

STILL_M = 0.01
FINGER_M = 0.04
"""A finger's way between closed and open: closing a hand is not standing still."""
STILL_DECISIONS = 3
UP_M, ASIDE_M = 0.035, 0.02
PROGRESS_STEPS = 0.5


class Recovery:
    """Notices stagnation by the critic and by the arm's own motion, and then lifts the tool up and aside for a while.

    A goal that the critic sees within `reached_steps` counts as reached: standing still there is right. Decisions to
    hold are not to be noticed: they are refusals to move, and not attempts that came to nothing.
    """

    def __init__(self, settings: PlannerSettings) -> None:
        self._settings = settings
        self.reset()

    def reset(self) -> None:
        """Forgets what was noticed; for a new goal."""
        self._left = self._decisions = 0
        self._motions: deque[float] = deque(maxlen=STILL_DECISIONS)
        self._to_go: deque[float] = deque(maxlen=self._settings.patience)
        self._nearest_before = np.inf
        self._opening: float | None = None

    def notice(self, action: np.ndarray, steps_to_go: float, rng: np.random.Generator) -> None:
        """Takes note of a decision to act: its first action (7,), and the critic's steps to the goal."""
        if not self._settings.retreat:
            return
        self._decisions += 1
        self._motions.append(self._motion(action))
        if len(self._to_go) == self._settings.patience:
            self._nearest_before = min(self._nearest_before, self._to_go[0])
        self._to_go.append(steps_to_go)
        if steps_to_go > self._settings.reached_steps and (self._stands_still() or self._in_vain()):
            self.reset()
            self._left = self._settings.retreat
            angle = rng.uniform(-np.pi, np.pi)
            self._aside = ASIDE_M * np.array([np.cos(angle), np.sin(angle)])

    def _motion(self, action: np.ndarray) -> float:
        """Metres that hand and fingers move."""
        before, self._opening = self._opening, float(action[6])
        turned = 0.0 if before is None else abs(self._opening - before)
        return float(np.linalg.norm(action[:3])) + FINGER_M * turned

    def _stands_still(self) -> bool:
        return len(self._motions) == STILL_DECISIONS and max(self._motions) < STILL_M

    def _in_vain(self) -> bool:
        tried = self._decisions >= 2 * self._settings.patience
        return tried and min(self._to_go) > self._nearest_before - PROGRESS_STEPS

    def chunk(self, horizon: int, opening: float) -> np.ndarray | None:
        """The next chunk (H, 7) of backing off, gripper at `opening`; None when it is time to plan."""
        if self._left == 0:
            return None
        self._left -= 1
        actions = np.zeros((horizon, 7), dtype=np.float32)
        actions[:, :2], actions[:, 2], actions[:, 6] = self._aside, UP_M, opening
        return actions
