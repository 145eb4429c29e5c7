"""Exported V-JEPA 2 models as plain numpy functions; needs numpy and onnxruntime only."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from robot_wm.deploy.index import FileEntry, parse_files, read_index, text
from robot_wm.deploy.session import check_array, open_session
from robot_wm.errors import BundleError, ObservationError

INDEX = "model.json"
FORMAT = "robot_wm vjepa2 1"
MAX_BYTES = 16 << 30
_BLOCK = 1 << 20


@dataclass(frozen=True)
class ModelDescription:
    """What `model.json` says of the graphs.

    Attributes:
        frames: Frames T of a clip.
        image_size: Height and width of a frame, pixels.
        tokens: N, tokens of a clip.
        channels: D, channels of a token.
        precision: "fp32" or "fp16", of the weights and of the arithmetic inside; inputs and outputs are float32.
        steps: Most steps of the action-conditioned predictor; 0 where there is none.
        actions: Numbers of an action and of a state.
        extrinsics: Whether the predictor takes the camera's pose.
    """

    frames: int
    image_size: int
    tokens: int
    channels: int
    precision: str
    steps: int = 0
    actions: int = 7
    extrinsics: bool = False


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
        self.index, files = read_model_index(self.path)
        self.description = ModelDescription(**self.index["model"])
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


def read_model_index(path: Path) -> tuple[dict[str, Any], dict[str, FileEntry]]:
    """`model.json` and the files it lists; BundleError when it is missing or malformed."""
    source = path / INDEX
    try:
        index = json.loads(text(read_index(path, INDEX), source))
    except json.JSONDecodeError as error:
        raise BundleError(f"{source}: not valid JSON: {error}") from error
    if not isinstance(index, dict) or index.get("format") != FORMAT or not isinstance(index.get("files"), dict):
        raise BundleError(f"{source}: not of the format '{FORMAT}'; export the model again")
    fields = ModelDescription.__annotations__
    model = index.get("model")
    if not isinstance(model, dict) or {name: type(value).__name__ for name, value in model.items()} != fields:
        raise BundleError(f"{source}: 'model' is {model!r}, expected {fields}; export the model again")
    required = ("encoder.onnx", "predictor.onnx") if model["steps"] else ("encoder.onnx",)
    return index, parse_files(index["files"], path, index=INDEX, required=required, most=MAX_BYTES)


def file_entry(path: Path) -> FileEntry:
    """Size and SHA-256 of a file, read block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return FileEntry(digest.hexdigest(), path.stat().st_size)


def verify_file(path: Path, entry: FileEntry) -> None:
    """BundleError when a file is missing, a link or not what the index says."""
    if path.is_symlink() or not path.is_file():
        raise BundleError(f"{path}: missing, or a link; export the model again")
    got = file_entry(path)
    if got != entry:
        raise BundleError(f"{path}: is {got}, {INDEX} says {entry}; the file is incomplete or altered")
