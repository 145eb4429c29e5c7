"""The world model as numpy functions: shapes, bad input, broken graphs and providers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from robot_wm.deploy.bundle import load_bundle
from robot_wm.deploy.index import Description, write_index
from robot_wm.deploy.session import OnnxWorldModel, open_session
from robot_wm.errors import BundleError, ObservationError, ProviderError


@pytest.fixture(scope="module")
def model(tiny_bundle: Path) -> OnnxWorldModel:
    return OnnxWorldModel(load_bundle(tiny_bundle))


def reindex(bundle: Path, description: Description) -> None:
    write_index(bundle, description, opset=18, versions={})


@pytest.mark.parametrize("candidates", [1, 2, 7, 100])
def test_any_number_of_candidates_and_images(
    model: OnnxWorldModel, image: np.ndarray, state: np.ndarray, candidates: int
) -> None:
    latents = model.encode(np.repeat(image[None], candidates, axis=0))
    assert latents.shape == (candidates, 4, 8)
    actions = np.random.default_rng(0).uniform(-0.04, 0.04, (candidates, 3, 7)).astype(np.float32)
    futures = model.rollout(latents[0], state, actions)
    assert futures.shape == (candidates, 3, 4, 8) and futures.dtype == np.float32
    steps = model.critic(futures[:, -1], latents[0])
    assert steps.shape == (candidates,) and np.all(steps >= 0)
    mean, std = model.policy(latents[0], latents[0], state)
    assert mean.shape == std.shape == (4, 7) and np.all(std > 0)


def test_candidates_do_not_depend_on_their_batch(model: OnnxWorldModel, image: np.ndarray, state: np.ndarray) -> None:
    latent = model.encode(image[None])[0]
    actions = np.random.default_rng(0).uniform(-0.04, 0.04, (50, 3, 7)).astype(np.float32)
    alone = np.concatenate([model.rollout(latent, state, chunk[None]) for chunk in actions])
    np.testing.assert_allclose(model.rollout(latent, state, actions), alone, atol=1e-5)


def test_bad_input_is_refused(model: OnnxWorldModel, image: np.ndarray, state: np.ndarray) -> None:
    latent, actions = np.zeros((4, 8), np.float32), np.zeros((2, 3, 7), np.float32)
    with pytest.raises(ObservationError, match="float32"):
        model.encode(image[None].astype(np.float32))
    with pytest.raises(ObservationError, match=r"\(48, 96, 3\)"):
        model.encode(image[None, ::2])
    with pytest.raises(ObservationError, match=r"actions.*\(2, 4, 7\)"):
        model.rollout(latent, state, np.zeros((2, 4, 7), np.float32))
    with pytest.raises(ObservationError, match=r"latent.*\(5, 8\)"):
        model.rollout(np.zeros((5, 8), np.float32), state, actions)
    for array in (latent, state, actions):
        array.flat[0] = np.nan
        with pytest.raises(ObservationError):
            model.rollout(latent, state, actions)
        array.flat[0] = 0.0


def test_non_finite_output_names_the_graph(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    graph = onnx.load(copy / "critic.onnx")
    for weights in graph.graph.initializer:
        values = numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.ndim == 2:
            weights.CopyFrom(numpy_helper.from_array(np.full_like(values, np.nan), weights.name))
    onnx.save(graph, copy / "critic.onnx")
    reindex(copy, load_bundle(tiny_bundle))
    damaged = OnnxWorldModel(load_bundle(copy))
    with pytest.raises(BundleError, match=r"critic\.onnx.*NaN"):
        damaged.critic(np.ones((2, 4, 8), np.float32), np.ones((4, 8), np.float32))


def test_a_graph_that_onnxruntime_refuses_is_named() -> None:
    with pytest.raises(BundleError, match=r"broken\.onnx"):
        open_session(b"not a graph", "broken.onnx")


def test_a_graph_of_another_shape_is_named(tiny_bundle: Path, tmp_path: Path, image: np.ndarray) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    index = json.loads((copy / "bundle.json").read_text())
    index["latent"]["tokens"] = 5
    (copy / "bundle.json").write_text(json.dumps(index))
    with pytest.raises(BundleError, match=r"encoder\.onnx.*\(1, 4, 8\).*\(1, 5, 8\)"):
        OnnxWorldModel(load_bundle(copy)).encode(image[None])


def test_a_gpu_that_is_not_there_is_an_error(tiny_bundle: Path) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine's onnxruntime has CUDA")
    with pytest.raises(ProviderError, match=r"cuda.*CPUExecutionProvider.*gpu"):
        OnnxWorldModel(load_bundle(tiny_bundle), provider="cuda")
    with pytest.raises(ProviderError, match="unknown"):
        OnnxWorldModel(load_bundle(tiny_bundle), provider="npu")


def test_a_silent_fallback_is_an_error(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine's onnxruntime has CUDA")
    offered = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: offered)
    with pytest.raises(ProviderError, match="fell back"), pytest.warns(UserWarning):
        open_session((tiny_bundle / "critic.onnx").read_bytes(), "critic.onnx", provider="cuda")
