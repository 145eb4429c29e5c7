"""The parity gate of V-JEPA 2 graphs: onnxruntime against the untouched modules on random inputs."""

from __future__ import annotations

import numpy as np
import torch

from robot_wm.deploy.vjepa2_index import ModelDescription
from robot_wm.deploy.vjepa2_session import OnnxVJepa2
from robot_wm.errors import BundleError
from robot_wm.perception.vjepa2 import VJepa2Encoder, normalise
from robot_wm.world_model.vjepa2_ac import ActionPredictor

TOLERANCES = {"fp32": 1e-4, "fp16": 2e-2}
"""Largest difference accepted: in fp32 of any number, in fp16 of the root of the mean square, as a share of the
standard deviation of the tokens."""


def random_inputs(model: ModelDescription, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random inputs of the predictor, two samples."""
    shapes = {"tokens": (model.steps * model.tokens, model.channels)}
    shapes |= dict.fromkeys(("actions", "states"), (model.steps, model.actions))
    if model.extrinsics:
        shapes["extrinsics"] = (model.steps, model.actions - 1)
    return {name: rng.normal(size=(2, *shape)).astype(np.float32) for name, shape in shapes.items()}


def check_vjepa2_parity(
    encoder: VJepa2Encoder, predictor: ActionPredictor | None, exported: OnnxVJepa2, seed: int
) -> dict[str, float]:
    """The difference of each graph from its module, on one clip and on two samples of the predictor's inputs.

    Raises:
        BundleError: One is above the limit in `TOLERANCES`; all figures are in the message.
    """
    model, rng = exported.description, np.random.default_rng(seed)
    size = (1, model.frames, model.image_size, model.image_size, 3)
    frames = rng.integers(0, 256, size, dtype=np.uint8)
    with torch.inference_mode():
        expected = encoder(normalise(torch.from_numpy(frames))).numpy()
        differences = {"encoder": _difference(expected, exported.encode(frames), model.precision)}
        if predictor is not None:
            inputs = random_inputs(model, rng)
            expected = predictor(*(torch.from_numpy(values) for values in inputs.values())).numpy()
            differences["predictor"] = _difference(expected, exported.predict(**inputs), model.precision)
    limit = TOLERANCES[model.precision]
    if any(not value <= limit for value in differences.values()):
        raise BundleError(
            f"parity: torch and onnxruntime differ by {differences}, at most {limit} is accepted; "
            "with fp16, weights or activations may be too large for it: export as fp32"
        )
    return differences


def _difference(expected: np.ndarray, got: np.ndarray, precision: str) -> float:
    error = np.abs(expected - got)
    size = float(error.max()) if precision == "fp32" else float(np.sqrt(np.square(error).mean()))
    return size / float(expected.std())
