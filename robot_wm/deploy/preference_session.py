"""The preference energy of a bundle."""

from __future__ import annotations

import numpy as np

from robot_wm.deploy.bundle import Bundle
from robot_wm.deploy.session import OnnxGraphs, check_array, float32
from robot_wm.errors import BundleError

GRAPH = "preference"


class OnnxPreference(OnnxGraphs):
    """`preference.onnx` of a bundle as a function.

    Raises:
        BundleError: The bundle has none.
    """

    def __init__(self, bundle: Bundle, *, provider: str = "cpu", threads: int = 2) -> None:
        if f"{GRAPH}.onnx" not in bundle.files:
            raise BundleError(
                f"{bundle.path}: the planner's settings weigh a preference, but the bundle has no {GRAPH}.onnx; "
                f"train it with: robot-wm prefer --pairs FILE --bundle {bundle.path}"
            )
        super().__init__(bundle, (GRAPH,), provider=provider, threads=threads)

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """Energies (M,) of latents (M, N, D)."""
        check_array(latents, (len(latents), self.bundle.tokens, self.bundle.channels), "latents")
        (energies,) = self._run(GRAPH, ["energies"], latents=float32(latents))
        return self._shaped(GRAPH, energies, (len(latents),))
