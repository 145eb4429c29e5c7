"""Where the tool is seen, and how odd the picture is, read from latents by a small graph of the bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from robot_wm.deploy.bundle import Bundle
from robot_wm.errors import BundleError
from robot_wm.safety.view_check import ViewBounds
from robot_wm.understanding.optional_graph import OptionalGraph

GRAPH = "view"


def learn_command(bundle: Path) -> str:
    """The command that adds the graph to a bundle."""
    return f"robot-wm camera --learn --bundle {bundle}"


class View:
    """`view.onnx` of a bundle and the bounds that belong to it.

    Raises:
        BundleError: The bundle has none, or it is malformed.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._graph = OptionalGraph(bundle, GRAPH, learn_command(bundle.path), threads=1)
        self.bounds = ViewBounds.from_metrics(bundle.metrics, str(bundle.path / "bundle.json"))

    @staticmethod
    def of(bundle: Bundle) -> View | None:
        """The view of a bundle, None where it has none."""
        return View(bundle) if f"{GRAPH}.onnx" in bundle.files else None

    def read(self, latents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (B, 3), metres in the base frame, and oddness (B,) of latents (B, N, D)."""
        outputs = self._graph(latents)
        shapes = [output.shape for output in outputs]
        if shapes != [(len(latents), 3), (len(latents),)]:
            raise BundleError(f"{self._graph.source}: outputs are {shapes}, expected places (B, 3) and oddness (B,)")
        return outputs[0], outputs[1]
