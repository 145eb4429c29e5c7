"""Optional graphs of a bundle: functions of one array that are there when they were trained."""

from __future__ import annotations

import numpy as np
import onnxruntime

from robot_wm.deploy.bundle import Bundle
from robot_wm.deploy.session import open_session
from robot_wm.errors import BundleError


class OptionalGraph:
    """`<name>.onnx` of a bundle as a function from one array to arrays; every output is checked to be finite.

    Args:
        bundle: A verified bundle.
        name: The graph.
        learn: The command that trains it, for the error when the bundle has none.
        threads: Threads within one operator.

    Raises:
        BundleError: The bundle has no such graph, or onnxruntime refuses it.
    """

    def __init__(self, bundle: Bundle, name: str, learn: str, threads: int = 2) -> None:
        file = f"{name}.onnx"
        if file not in bundle.files:
            raise BundleError(f"{bundle.path}: has no {file}; train it with: {learn}")
        self.source = str(bundle.path / file)
        self._session: onnxruntime.InferenceSession = open_session(bundle.read(file), self.source, threads=threads)
        (self._input,) = (value.name for value in self._session.get_inputs())

    def __call__(self, array: np.ndarray) -> list[np.ndarray]:
        """The outputs for one input array, float32."""
        try:
            outputs = self._session.run(None, {self._input: np.ascontiguousarray(array, dtype=np.float32)})
        except Exception as error:  # onnxruntime raises many unrelated types
            raise BundleError(f"{self.source}: failed on {array.dtype} {array.shape}: {error}") from error
        if not all(np.isfinite(output.sum(dtype=np.float64)) for output in outputs):
            raise BundleError(f"{self.source}: output holds NaN or Inf; train it again")
        return outputs
