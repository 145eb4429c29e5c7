"""The torch modules of a world model as ONNX graphs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from robot_wm.deploy.encoder_graph import GraphImageEncoder
from robot_wm.deploy.index import Description
from robot_wm.deploy.parity import TorchWorldModel
from robot_wm.perception.encoder import Encoder

OPSET = 23
"""The first with an operator for attention; onnxruntime has it since 1.23, its CUDA provider since 1.25."""
MAX_INLINE_BYTES = 1_900_000_000
"""Weights beyond this go to a file beside the graph: a protocol buffer cannot exceed 2 GiB."""


def export_graphs(model: TorchWorldModel, folder: Path, description: Description) -> None:
    """Writes the four graphs to `folder`; free dimensions are B images, C candidates and M latents.

    An `Encoder` gives its dense tokens as a second output, `tokens`.
    """
    camera = description.contract.camera
    image = torch.zeros(2, camera.height, camera.width, 3, dtype=torch.uint8)
    latent = torch.zeros(1, description.tokens, description.channels)
    state, actions = torch.zeros(1, 8), torch.zeros(3, description.horizon, 7)
    state[:, 6] = 1.0
    encoder, outputs = model.encoder, ["latent"]
    if isinstance(encoder, Encoder):
        encoder, outputs = GraphImageEncoder(encoder), ["latent", "tokens"]
    export_graph(encoder, folder / "encoder.onnx", {"image": image}, outputs, free="image")
    future = {"latent": latent, "state": state, "actions": actions}
    export_graph(model.predictor, folder / "predictor.onnx", future, ["latents"], free="actions")
    latents = torch.zeros(3, description.tokens, description.channels)
    export_graph(model.critic, folder / "critic.onnx", {"latents": latents, "goal": latent}, ["steps"], free="latents")
    export_graph(
        model.policy,
        folder / "policy.onnx",
        {"latent": latent, "goal": latent.clone(), "state": state},
        ["mean", "std"],
    )


def export_graph(
    module: nn.Module,
    file: Path,
    inputs: dict[str, torch.Tensor],
    outputs: list[str],
    free: str | Sequence[str] = (),
    *,
    opset: int = OPSET,
    max_inline_bytes: int = MAX_INLINE_BYTES,
) -> None:
    """Exports one module.

    Args:
        module: Put into evaluation mode.
        inputs: Examples by name.
        free: Inputs whose first dimension may take any size; "*" stands for all of them.
        opset: Version of the operators.
        max_inline_bytes: Where the weights are larger, they go to `<file>.data`.
    """
    open_inputs = tuple(inputs) if free == "*" else (free,) if isinstance(free, str) else free
    shapes: tuple[Any, ...] = tuple({0: torch.export.Dim.DYNAMIC} if key in open_inputs else {} for key in inputs)
    for noisy in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=shapes,
            opset_version=opset,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    _save(program, file, max_inline_bytes)


def _save(program: torch.onnx.ONNXProgram, file: Path, max_inline_bytes: int) -> None:
    weights = program.model.graph.initializers.values()
    size = sum(weight.const_value.nbytes for weight in weights if weight.const_value is not None)
    if size <= max_inline_bytes:
        model = program.model_proto
    else:
        program.save(file, external_data=True)  # weights to `<file>.data`, one after the other
        model = onnx.load(file, load_external_data=False)
    file.write_bytes(_without_traces(model).SerializeToString(deterministic=True))


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drops the exporter's stack traces: they hold paths of this machine and make equal models differ in bytes."""
    graph = model.graph
    for holder in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del holder.metadata_props[:]
    for node in graph.node:
        node.doc_string = ""
    return model
