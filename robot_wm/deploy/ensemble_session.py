"""The ensemble of a bundle: what the model does not know, as a plain numpy function."""

from __future__ import annotations

import math

import numpy as np

from robot_wm.deploy.bundle import Bundle
from robot_wm.deploy.session import OnnxGraphs, check_array, float32
from robot_wm.errors import BundleError

NAME = "ensemble"


class OnnxEnsemble(OnnxGraphs):
    """Disagreement of the ensemble, in standard deviations of the latent.

    Attributes:
        bound: Conformal bound: of the episodes like those held out, few exceed it for long; see the model card.

    Raises:
        BundleError: The bundle has no ensemble, its bound is no positive number, or its graph is damaged.
        ProviderError: The provider is not available.
    """

    def __init__(self, bundle: Bundle, *, provider: str = "cpu", threads: int = 2) -> None:
        figures = bundle.metrics.get(NAME)
        bound = figures.get("bound") if isinstance(figures, dict) else None
        if not has_ensemble(bundle) or not isinstance(bound, float) or not 0 < bound < math.inf:
            raise BundleError(
                f"{bundle.path}: has no {NAME}.onnx with a positive bound (got {bound!r}); "
                "train it with: robot-wm uncertainty --learn"
            )
        super().__init__(bundle, (NAME,), provider=provider, threads=threads)
        self.bound = bound
        self._latent = (bundle.tokens, bundle.channels)
        self._unit = bundle.latent_std

    def disagreement(self, latents: np.ndarray, states: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Disagreement (M,) about what actions (M, 7) lead to from latents (M, N, D) and states (M, 8)."""
        count = len(latents)
        check_array(latents, (count, *self._latent), "latents")
        check_array(states, (count, 8), "states")
        check_array(actions, (count, 7), "actions")
        steps = np.concatenate([latents.reshape(count, -1), states, actions], axis=1)
        (spread,) = self._run(NAME, steps=float32(steps))
        return self._shaped(NAME, spread, (count,)) / self._unit


def has_ensemble(bundle: Bundle) -> bool:
    """Whether a bundle can say what it does not know."""
    return f"{NAME}.onnx" in bundle.files
