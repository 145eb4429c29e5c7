"""How fast the commands that reach the robot ask it to move, from their positions and stamps alone."""

from __future__ import annotations

from collections import deque

import numpy as np

WINDOW_S, SLACK_S = 0.15, 0.016
"""Commands so far apart are compared; so much may their stamps be off, two ticks of safety_node."""


class Pace:
    """Compares each command with those shortly before it.

    Args:
        fastest: Velocity limits (n,), rad/s or m/s.
    """

    def __init__(self, fastest: np.ndarray) -> None:
        self._fastest = fastest
        self._recent = deque[tuple[float, np.ndarray]]()

    def is_kept(self, due_s: float, position: np.ndarray) -> bool:
        """Whether the joints can be at `position` (n,) at `due_s` within their limits, coming from earlier commands.

        A clock that goes back, and a pause, begin anew.
        """
        if self._recent and not 0.0 <= due_s - self._recent[-1][0] <= WINDOW_S:
            self._recent.clear()
        while self._recent and due_s - self._recent[0][0] > WINDOW_S:
            self._recent.popleft()
        kept = all(
            bool(np.all(np.abs(position - before) <= self._fastest * (due_s - at_s + SLACK_S)))
            for at_s, before in self._recent
        )
        self._recent.append((due_s, position))
        return kept
