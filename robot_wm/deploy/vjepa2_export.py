"""Export of published V-JEPA 2 models: encoder and action-conditioned predictor as ONNX, checked against torch."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import onnxruntime
import torch
from rich.console import Console
from torch import nn

from robot_wm.deploy.graphs import MAX_INLINE_BYTES, OPSET, export_graph
from robot_wm.deploy.session import Provider, check_provider
from robot_wm.deploy.staging import check_replaceable, replacing
from robot_wm.deploy.vjepa2_graph import GraphActionPredictor, GraphEncoder
from robot_wm.deploy.vjepa2_index import INDEX, ModelDescription, write_model_index
from robot_wm.deploy.vjepa2_parity import TOLERANCES, check_vjepa2_parity, random_inputs
from robot_wm.deploy.vjepa2_session import OnnxVJepa2
from robot_wm.errors import BundleError
from robot_wm.perception.checkpoint_files import read_archive, resolve_source
from robot_wm.perception.published import EncoderKey, load_vjepa2
from robot_wm.perception.vjepa2 import VJepa2Encoder
from robot_wm.perception.vjepa2_config import PATCH, TUBELET
from robot_wm.world_model.published import has_actions, load_vjepa2_ac
from robot_wm.world_model.vjepa2_ac import ActionPredictor

Precision = Literal["fp32", "fp16"]


@dataclass(frozen=True)
class VJepa2Options:
    """How to export a published V-JEPA 2 checkpoint.

    Attributes:
        frames: Frames of a clip; None takes 16, or 2 for V-JEPA 2-AC, which sees single pictures doubled.
        image_size: Height and width of a frame, pixels; None takes the checkpoint's.
        precision: Of weights and arithmetic.
        steps: Most steps that the action-conditioned predictor looks back on.
        encoder_key: Which of a `.pt` file's encoders.
        extrinsics: Whether the action-conditioned predictor was trained with the camera's pose.
        max_inline_bytes: Weights beyond this go to a file beside the graph.
    """

    frames: int | None = None
    image_size: int | None = None
    precision: Precision = "fp32"
    steps: int = 2
    encoder_key: EncoderKey = "encoder"
    extrinsics: bool = False
    max_inline_bytes: int = MAX_INLINE_BYTES


def run_published(source: str | Path, out: Path, options: VJepa2Options, *, device: Provider, seed: int) -> int:
    """Exports a published checkpoint and prints what was written and how exact it is."""
    model = export_published(source, out, options, device=device, seed=seed)
    console, index = Console(soft_wrap=True), model.index
    console.print(f"{out}: {index['model']}, opset {index['opset']}")
    for name, entry in index["files"].items():
        console.print(f"  {name}: {entry['bytes'] / 1e6:.1f} MB, sha256 {entry['sha256'][:12]}")
    measure = "at most" if options.precision == "fp32" else "in root mean square"
    for part in model.parts:
        console.print(
            f"  {part}: torch and onnxruntime on {device} differ by {index['parity'][part]:.1e} {measure} "
            f"(limit {TOLERANCES[options.precision]:.0e})"
        )
    return 0


def export_published(
    source: str | Path, out: Path, options: VJepa2Options | None = None, *, device: Provider = "cpu", seed: int = 0
) -> OnnxVJepa2:
    """Loads a published checkpoint and exports it; see `export_vjepa2`."""
    options = options or VJepa2Options()
    check_provider(device)
    path = resolve_source(source)
    if path.is_file() and has_actions(read_archive(path)):
        model = load_vjepa2_ac(path, extrinsics=options.extrinsics, encoder_key=options.encoder_key)
        return export_vjepa2(model.encoder, model.predictor, out, options, device=device, seed=seed)
    encoder = load_vjepa2(path, encoder_key=options.encoder_key).encoder
    return export_vjepa2(encoder, None, out, options, device=device, seed=seed)


def export_vjepa2(
    encoder: VJepa2Encoder,
    predictor: ActionPredictor | None,
    out: Path,
    options: VJepa2Options | None = None,
    *,
    device: Provider = "cpu",
    seed: int = 0,
) -> OnnxVJepa2:
    """Writes `encoder.onnx`, `predictor.onnx` and `model.json` to the directory `out`, for any batch.

    `out` is replaced only when everything succeeded.

    Args:
        encoder: In evaluation mode, float32, on the CPU.
        predictor: None where there is none.
        out: A directory that does not exist, is empty, or holds an earlier export.
        device: Where onnxruntime computes what is compared with torch.
        seed: Of the random inputs on which they are compared.

    Returns:
        The exported model, opened from `out`.

    Raises:
        BundleError: onnxruntime and torch differ by more than `TOLERANCES`, or `out` holds something else.
        ProviderError: The device is not available.
    """
    options = options or VJepa2Options()
    check_provider(device)
    model = _describe(encoder, predictor, options)
    versions = {"torch": torch.__version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    check_replaceable(out, INDEX, "an exported model")
    with replacing(out) as staged:
        _export_graphs(encoder, predictor, staged, model, options.max_inline_bytes)
        write_model_index(staged, model, opset=OPSET, parity={}, versions=versions)
        parity = check_vjepa2_parity(encoder, predictor, OnnxVJepa2(staged, provider=device), seed)
        write_model_index(staged, model, opset=OPSET, parity={"device": device, **parity}, versions=versions)
    return OnnxVJepa2(out, provider=device)


def _describe(encoder: VJepa2Encoder, predictor: ActionPredictor | None, options: VJepa2Options) -> ModelDescription:
    frames = options.frames or (16 if predictor is None else TUBELET)
    size = options.image_size or encoder.config.image_size
    if frames < 1 or frames % TUBELET or size < 1 or size % PATCH or options.steps < 1:
        raise BundleError(
            f"frames {frames}, image size {size}, steps {options.steps}: expected positive numbers, "
            f"frames a multiple of {TUBELET} and the image size of {PATCH}"
        )
    if predictor is not None and (frames, size) != (TUBELET, predictor.config.image_size):
        raise BundleError(
            f"frames {frames} of {size} pixels: the action-conditioned predictor takes one picture a step, "
            f"{TUBELET} frames of {predictor.config.image_size} pixels"
        )
    return ModelDescription(
        frames=frames,
        image_size=size,
        tokens=frames // TUBELET * (size // PATCH) ** 2,
        channels=encoder.config.encoder.width,
        precision=options.precision,
        steps=options.steps if predictor is not None else 0,
        actions=predictor.config.actions if predictor is not None else 7,
        extrinsics=predictor is not None and predictor.config.extrinsics,
    )


def _export_graphs(
    encoder: VJepa2Encoder, predictor: ActionPredictor | None, folder: Path, model: ModelDescription, most: int
) -> None:
    graph = _in_precision(GraphEncoder(encoder, model.frames, model.image_size), model.precision)
    frames = torch.zeros(2, model.frames, model.image_size, model.image_size, 3, dtype=torch.uint8)
    _export(graph, folder / "encoder.onnx", {"frames": frames}, "tokens", most)
    if predictor is not None:
        graph = _in_precision(GraphActionPredictor(predictor, model.steps), model.precision)
        inputs = {
            name: torch.from_numpy(values) for name, values in random_inputs(model, np.random.default_rng(0)).items()
        }
        _export(graph, folder / "predictor.onnx", inputs, "predicted", most)


def _export(graph: nn.Module, file: Path, inputs: dict[str, torch.Tensor], output: str, most: int) -> None:
    export_graph(graph, file, inputs, [output], free=list(inputs), opset=OPSET, max_inline_bytes=most)


def _in_precision(graph: nn.Module, precision: str) -> nn.Module:
    if precision == "fp32":
        return graph
    graph = copy.deepcopy(graph)
    for parameter in graph.parameters():
        parameter.data = parameter.data.half()
        if not bool(torch.isfinite(parameter).all()):
            raise BundleError("a weight is too large for fp16; export it as fp32")
    return graph
