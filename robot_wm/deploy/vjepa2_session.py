"""Exported V-JEPA 2 models as plain numpy functions; needs numpy and onnxruntime only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from robot_wm.deploy.session import check_array, open_session
from robot_wm.deploy.vjepa2_index import read_model_index, verify_file
from robot_wm.errors import BundleError, ObservationError


class OnnxVJepa2:
    """An encoder, and an action-conditioned predictor where the model has one.

    Args:
        path: Directory that `robot-wm export` wrote; all files are verified.
        provider: "cpu", "cuda" or "tensorrt".
        threads: Threads within one operator.

    Raises:
        BundleError: A file is missing, altered or refused by onnxruntime.
        ProviderError: The provider is not available.
    """

    def __init__(self, path: Path, *, provider: str = "cpu", threads: int = 2) -> None:
        self.path = Path(path)
        self.index, self.description, files = read_model_index(self.path)
        self.parts = ("encoder", "predictor") if self.description.steps else ("encoder",)
        for name, entry in files.items():
            verify_file(self.path / name, entry)
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}
        for part in self.parts:
            graph = self.path / f"{part}.onnx"
            self._sessions[part] = open_session(graph, str(graph), provider=provider, threads=threads)

    def encode(self, frames: np.ndarray) -> np.ndarray:
        """Tokens float32 (B, N, D) of clips uint8 (B, T, H, W, 3), red, green, blue.

        A clip of one frame is doubled where the model takes two, as V-JEPA 2-AC sees single pictures.

        Raises:
            ObservationError: The clips have another shape or type.
        """
        expected = (self.description.frames, self.description.image_size, self.description.image_size, 3)
        if frames.ndim == 5 and frames.shape[1] == 1 and expected[0] == 2:
            frames = np.repeat(frames, 2, axis=1)
        if frames.dtype != np.uint8 or frames.ndim != 5 or frames.shape[1:] != expected or not len(frames):
            raise ObservationError(f"frames: got {frames.dtype} {frames.shape}, expected uint8 (batch, *{expected})")
        return self._run("encoder", frames=np.ascontiguousarray(frames))

    def predict(
        self,
        tokens: np.ndarray,
        actions: np.ndarray,
        states: np.ndarray,
        extrinsics: np.ndarray | None = None,
    ) -> np.ndarray:
        """Tokens that follow each of T steps; T may be smaller than the exported steps.

        Args:
            tokens: One frame's tokens a step, (B, T · N, D), normalised by `normalise_tokens`.
            actions: Pose and gripper differences (B, T, 7), metres and radians.
            states: Pose and gripper (B, T, 7).
            extrinsics: The camera's pose (B, T, 6), where the model takes it.

        Returns:
            Predicted tokens float32 (B, T · N, D), not normalised.

        Raises:
            BundleError: The model has no predictor.
            ObservationError: The inputs do not fit together or are not finite.
        """
        model = self.description
        if not model.steps:
            raise BundleError(f"{self.path}: has no predictor; export a V-JEPA 2-AC checkpoint")
        batch, steps = actions.shape[:2] if actions.ndim == 3 else (0, 0)
        if not batch or not 1 <= steps <= model.steps or model.extrinsics != (extrinsics is not None):
            raise ObservationError(
                f"actions: got shape {actions.shape} and {'no ' if extrinsics is None else ''}extrinsics, expected "
                f"(batch, 1 to {model.steps} steps, {model.actions}) and extrinsics={model.extrinsics}"
            )
        inputs = {"tokens": tokens, "actions": actions, "states": states}
        sizes = {"tokens": (model.tokens, model.channels), "actions": (1, model.actions), "states": (1, model.actions)}
        if extrinsics is not None:
            inputs["extrinsics"], sizes["extrinsics"] = extrinsics, (1, model.actions - 1)
        for name, (rows, channels) in sizes.items():
            check_array(inputs[name], (batch, steps * rows, channels), name)
            missing = (model.steps - steps) * rows
            inputs[name] = np.pad(inputs[name].astype(np.float32, copy=False), ((0, 0), (0, missing), (0, 0)))
        return self._run("predictor", **inputs)[:, : steps * model.tokens]

    def _run(self, part: str, **inputs: np.ndarray) -> np.ndarray:
        try:
            (output,) = self._sessions[part].run(None, inputs)
        except Exception as error:  # onnxruntime raises many unrelated types
            raise BundleError(f"{self.path / part}.onnx: failed: {error}") from error
        if not np.isfinite(output.sum(dtype=np.float64)):
            raise BundleError(f"{self.path / part}.onnx: output holds NaN or Inf; export it again, fp32 if it is fp16")
        return output


def normalise_tokens(tokens: np.ndarray) -> np.ndarray:
    """Tokens (…, D) with mean 0 and variance 1 each, as V-JEPA 2-AC was trained on and its planner compares them."""
    centred = tokens - tokens.mean(axis=-1, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + 1e-5)
