"""Published models as ONNX: any batch, both precisions, weights beside the graph, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from robot_wm.cli import main
from robot_wm.deploy.vjepa2_session import OnnxVJepa2, normalise_tokens
from robot_wm.errors import BundleError, ObservationError, ProviderError

torch = pytest.importorskip("torch")

from robot_wm.deploy.vjepa2_export import VJepa2Options, export_published, export_vjepa2  # noqa: E402
from robot_wm.perception.rotary_block import StackConfig  # noqa: E402
from robot_wm.perception.vjepa2 import VJepa2Encoder, normalise  # noqa: E402
from robot_wm.perception.vjepa2_config import CONFIGS  # noqa: E402
from robot_wm.world_model.vjepa2_ac import ActionPredictor, ActionPredictorConfig  # noqa: E402

TINY = CONFIGS["tiny"]


def shaken(module: torch.nn.Module) -> torch.nn.Module:
    """Random weights everywhere, biases and norms included."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return module.eval()


@pytest.fixture(scope="module")
def encoder() -> VJepa2Encoder:
    return shaken(VJepa2Encoder(TINY))


@pytest.fixture(scope="module")
def exported(encoder: VJepa2Encoder, tmp_path_factory: pytest.TempPathFactory) -> OnnxVJepa2:
    return export_vjepa2(encoder, None, tmp_path_factory.mktemp("model") / "out", VJepa2Options(frames=4))


def clips(batch: int, frames: int = 4) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (batch, frames, 64, 64, 3), dtype=np.uint8)


def test_any_batch_agrees_with_torch(encoder: VJepa2Encoder, exported: OnnxVJepa2) -> None:
    for batch in (1, 3):
        frames = clips(batch)
        with torch.no_grad():
            expected = encoder(normalise(torch.from_numpy(frames))).numpy()
        np.testing.assert_allclose(exported.encode(frames), expected, atol=2e-5)


def test_the_graph_has_one_attention_a_block_and_no_machine_paths(exported: OnnxVJepa2) -> None:
    graph = onnx.load(exported.path / "encoder.onnx")
    assert [node.op_type for node in graph.graph.node].count("Attention") == TINY.encoder.depth
    assert {entry.domain: entry.version for entry in graph.opset_import}[""] == exported.index["opset"] == 23
    assert str(Path(__file__).parents[2]).encode() not in graph.SerializeToString()
    onnx.checker.check_model(graph)


def test_weights_beside_the_graph(encoder: VJepa2Encoder, exported: OnnxVJepa2, tmp_path: Path) -> None:
    options = VJepa2Options(frames=4, max_inline_bytes=1000)
    split = export_vjepa2(encoder, None, tmp_path / "out", options)
    assert (tmp_path / "out" / "encoder.onnx").stat().st_size < 200_000
    assert set(split.index["files"]) == {"encoder.onnx", "encoder.onnx.data"}
    np.testing.assert_array_equal(split.encode(clips(2)), exported.encode(clips(2)))
    data = tmp_path / "out" / "encoder.onnx.data"
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(BundleError, match="incomplete or altered"):
        OnnxVJepa2(tmp_path / "out")


def test_half_precision_is_half_the_size_and_close(
    encoder: VJepa2Encoder, exported: OnnxVJepa2, tmp_path: Path
) -> None:
    half = export_vjepa2(encoder, None, tmp_path / "out", VJepa2Options(frames=4, precision="fp16"))
    sizes = [model.index["files"]["encoder.onnx"]["bytes"] for model in (half, exported)]
    assert sizes[0] < 0.6 * sizes[1]
    full, short = exported.encode(clips(2)), half.encode(clips(2))
    assert 0 < np.sqrt(np.square(full - short).mean()) < 0.01 * full.std()
    assert next(encoder.parameters()).dtype == torch.float32


@pytest.fixture(scope="module")
def action_checkpoint(encoder: VJepa2Encoder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ActionPredictor]:
    stack = StackConfig(width=128, depth=2, heads=2, hidden=256)
    predictor = shaken(ActionPredictor(ActionPredictorConfig(tokens_width=96, image_size=64, stack=stack)))
    path = tmp_path_factory.mktemp("ac") / "ac.pt"
    torch.save({"encoder": encoder.state_dict(), "predictor": predictor.state_dict()}, path)
    return path, predictor


def test_action_conditioned_model(action_checkpoint: tuple[Path, ActionPredictor], tmp_path: Path) -> None:
    path, predictor = action_checkpoint
    model = export_published(path, tmp_path / "out", VJepa2Options(steps=3))
    tokens = normalise_tokens(model.encode(clips(2, frames=1)))
    np.testing.assert_allclose(tokens.std(-1), 1.0, atol=1e-3)
    actions, states = np.random.default_rng(2).normal(size=(2, 2, 2, 7)).astype(np.float32)
    both = np.concatenate([tokens, tokens[:, ::-1]], axis=1)
    with torch.no_grad():
        expected = predictor(*(torch.from_numpy(value.copy()) for value in (both, actions, states))).numpy()
    np.testing.assert_allclose(model.predict(both, actions, states), expected, atol=2e-5)
    first = model.predict(tokens, actions[:, :1], states[:, :1])
    np.testing.assert_allclose(first, expected[:, : tokens.shape[1]], atol=2e-5)
    with pytest.raises(ObservationError, match="1 to 3 steps"):
        model.predict(
            np.concatenate([both, both], axis=1), *(np.repeat(value, 2, axis=1) for value in (actions, states))
        )
    with pytest.raises(ObservationError, match="NaN or Inf"):
        model.predict(both, actions, states * np.nan)


def test_extrinsics_and_half_precision(action_checkpoint: tuple[Path, ActionPredictor], tmp_path: Path) -> None:
    options = VJepa2Options(steps=1, precision="fp16", extrinsics=True)
    model = export_published(action_checkpoint[0], tmp_path / "out", options)
    tokens, actions = np.zeros((1, 16, 96)), np.zeros((1, 1, 7))
    moved = [model.predict(tokens, actions, actions, np.full((1, 1, 6), value)) for value in (0.0, 1.0)]
    assert not np.allclose(*moved)
    with pytest.raises(ObservationError, match="extrinsics=True"):
        model.predict(tokens, actions, actions)


def test_the_command_exports_and_reports(
    action_checkpoint: tuple[Path, ActionPredictor], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["export", "--checkpoint", str(action_checkpoint[0]), "--out", str(out), "--device", "cpu"]
    assert main([*words, "--vjepa2.steps", "1"]) == 0
    index = json.loads((out / "model.json").read_text())
    assert max(index["parity"]["encoder"], index["parity"]["predictor"]) < 1e-4 and index["parity"]["device"] == "cpu"
    assert "opset 23" in capsys.readouterr().out
    assert main(words[:3]) == 2 and "name a directory" in capsys.readouterr().err.replace("\n", " ")


def test_a_missing_device_is_an_error(encoder: VJepa2Encoder, tmp_path: Path) -> None:
    if "TensorrtExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("TensorRT is here")
    with pytest.raises(ProviderError, match="tensorrt"):
        export_vjepa2(encoder, None, tmp_path / "out", device="tensorrt")
    assert not (tmp_path / "out").exists()


def test_a_graph_that_computes_something_else_is_not_written(
    encoder: VJepa2Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from robot_wm.deploy import vjepa2_graph

    monkeypatch.setattr(vjepa2_graph, "halves_order", torch.arange)
    with pytest.raises(BundleError, match="parity"):
        export_vjepa2(encoder, None, tmp_path / "out", VJepa2Options(frames=2))
    assert not (tmp_path / "out").exists()


def test_clips_of_another_shape_are_named(exported: OnnxVJepa2) -> None:
    with pytest.raises(ObservationError, match=r"expected uint8 \(batch, \*\(4, 64, 64, 3\)\)"):
        exported.encode(clips(1, frames=2))
    with pytest.raises(BundleError, match="has no predictor"):
        exported.predict(np.zeros((1, 32, 96)), np.zeros((1, 1, 7)), np.zeros((1, 1, 7)))


@pytest.mark.parametrize("change", [{"format": "other"}, {"model": {}}, {"files": {}}, {"files": {"../x": {}}}])
def test_a_malformed_index_is_refused(exported: OnnxVJepa2, tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / "model.json").write_text(json.dumps(exported.index | change))
    with pytest.raises(BundleError):
        OnnxVJepa2(tmp_path)
