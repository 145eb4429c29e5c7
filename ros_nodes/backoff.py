"""Waiting times for what fails again and again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Backoff:
    """No wait after the first failure, `first_s` after the second, and twice as long after each further one.

    Attributes:
        first_s: Shortest wait, seconds.
        longest_s: Longest wait.
        calm_s: What held for so long counts as mended, and its next failure as the first.
    """

    first_s: float = 2.0
    longest_s: float = 60.0
    calm_s: float = 60.0
    _failures: int = 0

    def next_s(self, held_s: float) -> float:
        """Notes a failure after `held_s` seconds that went well; returns how long to wait before the next try."""
        if held_s >= self.calm_s:
            self._failures = 0
        wait_s = min(self.longest_s, self.first_s * 2.0 ** (self._failures - 1)) if self._failures else 0.0
        self._failures += 1
        return wait_s
