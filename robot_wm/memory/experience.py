"""One remembered episode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robot_wm.errors import EpisodicMemoryError


@dataclass(frozen=True)
class Experience:
    """What was seen and done in `T` steps, and whether it came to something.

    Attributes:
        latents: (T, N, D) float32.
        actions: (T, 7) float32; row t was done after latent t was seen.
        task: The task in words.
        success: The outcome.

    Raises:
        EpisodicMemoryError: An array has another type or shape, or holds a number that is not finite.
    """

    latents: np.ndarray
    actions: np.ndarray
    task: str
    success: bool

    def __post_init__(self) -> None:
        steps = len(self.latents)
        for name, array, expected in (
            ("latents", self.latents, self.latents.ndim == 3 and steps > 0),
            ("actions", self.actions, self.actions.shape == (steps, 7)),
        ):
            if not expected or array.dtype != np.float32 or not np.all(np.isfinite(array)):
                raise EpisodicMemoryError(
                    f"experience '{self.task}': {name} are {array.dtype} {array.shape}; "
                    "expected finite float32, latents (T, N, D) and actions (T, 7) of at least one step"
                )
