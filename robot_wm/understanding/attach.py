"""Puts a small trained module into a bundle as an optional graph, once onnxruntime computes what torch computes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from robot_wm.deploy.bundle import Bundle
from robot_wm.deploy.extend import add_to_bundle
from robot_wm.deploy.graphs import export_graph
from robot_wm.deploy.parity import TOLERANCE
from robot_wm.deploy.session import open_session
from robot_wm.errors import BundleError


def attach(
    bundle: Path,
    name: str,
    module: nn.Module,
    example: tuple[str, torch.Tensor],
    outputs: list[str],
    metrics: Mapping[str, Any],
    note: tuple[str, str],
    planner: Mapping[str, Any] | None = None,
) -> Bundle:
    """Exports `module` as `<name>.onnx` into a bundle.

    Args:
        example: Name and example of its one input; the first dimension stays free.
        outputs: Names of its outputs.
        metrics: What its training measured, for the index of the bundle.
        note: Heading and text for the model card.
        planner: Settings that the bundle recommends from now on, fields of `PlannerSettings`.

    Raises:
        BundleError: onnxruntime computes something else than torch, or the bundle is damaged.
    """
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / f"{name}.onnx"
        export_graph(module, file, {example[0]: example[1]}, outputs, free=example[0])
        graph = file.read_bytes()
    with torch.inference_mode():
        expected = module(example[1])
    wanted = expected if isinstance(expected, tuple) else (expected,)
    got = open_session(graph, f"{name}.onnx").run(outputs, {example[0]: example[1].numpy()})
    worst = max(_relative(one.numpy(), other) for one, other in zip(wanted, got, strict=True))
    if not worst <= TOLERANCE:
        raise BundleError(f"{name}.onnx: torch and onnxruntime differ by {worst}, at most {TOLERANCE} is accepted")
    return add_to_bundle(bundle, {f"{name}.onnx": graph}, {name: dict(metrics) | {"parity": worst}}, note, planner)


def _relative(expected: np.ndarray, got: np.ndarray) -> float:
    return float(np.abs(expected - got).max() / (expected.std() + 1e-6))
