"""The hand on the gizmo: which pose is wanted, and whether the dead-man switch is held."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

LONGEST_STILL_S = 2.0
"""Seconds without a movement after which a grabbed gizmo counts as let go: a page that hangs says nothing."""
NUDGE_S = 0.2
"""Seconds that one press of a nudge button holds the switch; a held button repeats itself faster."""
LEASH_M = 0.06
"""How far a nudge may run ahead of the tool, metres."""


@dataclass
class Hand:
    """Thread-safe; times are monotonic seconds."""

    pose: np.ndarray | None = None
    """Wanted pose (7,) of the tool while held."""
    _until_s: float = -np.inf
    _mode: Literal["", "drag", "nudge"] = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def drag(self, pose: np.ndarray, now_s: float) -> None:
        """The gizmo was grabbed at, or dragged to, a pose (7,)."""
        with self._lock:
            self.pose, self._mode, self._until_s = pose, "drag", now_s + LONGEST_STILL_S

    def nudge(self, tool: np.ndarray, step: np.ndarray, now_s: float) -> None:
        """Moves the wanted position by `step` (3,) metres, from the tool's pose (7,) where no nudge went before."""
        with self._lock:
            goes_on = self._mode == "nudge" and now_s < self._until_s and self.pose is not None
            pose = self.pose.copy() if goes_on and self.pose is not None else tool.copy()
            pose[:3] += step
            ahead = pose[:3] - tool[:3]
            distance = float(np.linalg.norm(ahead))
            if distance > LEASH_M:
                pose[:3] = tool[:3] + ahead * (LEASH_M / distance)
            self.pose, self._mode, self._until_s = pose, "nudge", now_s + NUDGE_S

    def release(self) -> None:
        """Lets go."""
        with self._lock:
            self._mode, self._until_s = "", -np.inf

    def held(self, now_s: float) -> bool:
        """Whether the switch is held."""
        with self._lock:
            return now_s < self._until_s
