"""The torch modules of a world model as ONNX graphs."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

from robot_wm.deploy.index import Description
from robot_wm.deploy.parity import TorchWorldModel

OPSET = 18


def export_graphs(model: TorchWorldModel, folder: Path, description: Description) -> None:
    """Writes the four graphs to `folder`; free dimensions are B images, C candidates and M latents."""
    camera = description.contract.camera
    image = torch.zeros(2, camera.height, camera.width, 3, dtype=torch.uint8)
    latent = torch.zeros(1, description.tokens, description.channels)
    state, actions = torch.zeros(1, 8), torch.zeros(3, description.horizon, 7)
    state[:, 6] = 1.0
    export_graph(model.encoder, folder / "encoder.onnx", {"image": image}, ["latent"], free="image")
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
    module: nn.Module, file: Path, inputs: dict[str, torch.Tensor], outputs: list[str], free: str | None = None
) -> None:
    """Exports one module; the first dimension of the input `free` may take any size, "*" stands for all inputs."""
    shapes = tuple({0: torch.export.Dim.DYNAMIC} if free in (key, "*") else {} for key in inputs)
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
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    graph = _without_traces(program.model_proto)
    file.write_bytes(graph.SerializeToString(deterministic=True))


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drops the exporter's stack traces: they hold paths of this machine and make equal models differ in bytes."""
    graph = model.graph
    for holder in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del holder.metadata_props[:]
    for node in graph.node:
        node.doc_string = ""
    return model
