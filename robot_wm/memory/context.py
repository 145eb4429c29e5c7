"""Short-term memory: the last steps."""

from __future__ import annotations

from collections import deque

import numpy as np

from robot_wm.memory.experience import Experience


class ContextWindow:
    """The last steps of an episode, oldest first.

    Args:
        length: Steps that are kept.
    """

    def __init__(self, length: int) -> None:
        self._steps: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=length)

    def __len__(self) -> int:
        return len(self._steps)

    def push(self, latent: np.ndarray, action: np.ndarray) -> None:
        """Adds what was seen, (N, D), and what was done then, (7,)."""
        self._steps.append((np.array(latent, dtype=np.float32), np.array(action, dtype=np.float32)))

    def clear(self) -> None:
        """Forgets all; for a new episode."""
        self._steps.clear()

    def experience(self, task: str, success: bool) -> Experience:
        """The window as an experience, for the episodic memory; EpisodicMemoryError when it is empty."""
        latents, actions = zip(*self._steps, strict=True) if self._steps else ((), ())
        return Experience(np.array(latents, dtype=np.float32), np.array(actions, dtype=np.float32), task, success)
