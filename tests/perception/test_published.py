"""Loading of published checkpoints: layouts, prefixes, and what must be refused."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from robot_wm.errors import CheckpointError
from robot_wm.perception.checkpoint_files import resolve_source
from robot_wm.perception.checkpoint_keys import from_hugging_face
from robot_wm.perception.published import is_published, load_vjepa2, parse_config
from robot_wm.perception.vjepa2 import VJepa2Encoder, VJepa2Predictor
from robot_wm.perception.vjepa2_config import CONFIGS

TINY = CONFIGS["tiny"]


def state(prefix: str = "") -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {prefix + name: value for name, value in VJepa2Encoder(TINY).state_dict().items()}


def save(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize("prefix", ["", "module.", "backbone.", "module.backbone.", "backbone.module."])
@pytest.mark.parametrize("key", ["encoder", "target_encoder"])
def test_wrappers_and_either_key_load(tmp_path: Path, prefix: str, key: str) -> None:
    extra = {f"{prefix}pos_embed": torch.zeros(1, 8, 96)}
    path = save(tmp_path / "vit.pt", {key: state(prefix) | extra, "epoch": 5, "opt": {"lr": 1.0}})
    loaded = load_vjepa2(path)
    assert loaded.config == TINY and loaded.predictor is None
    for name, value in state().items():
        torch.testing.assert_close(loaded.encoder.state_dict()[name], value)


def test_the_average_is_taken_when_asked_for(tmp_path: Path) -> None:
    average = {name: value + 1.0 for name, value in state().items()}
    predictor = VJepa2Predictor(TINY).state_dict()
    path = save(tmp_path / "vit.pt", {"encoder": state(), "target_encoder": average, "predictor": predictor})
    plain, slow = load_vjepa2(path), load_vjepa2(path, encoder_key="target_encoder")
    torch.testing.assert_close(slow.encoder.norm.weight, plain.encoder.norm.weight + 1.0)
    assert plain.predictor is not None


def test_half_precision_weights_become_float32(tmp_path: Path) -> None:
    half = {name: value.bfloat16() for name, value in state().items()}
    encoder = load_vjepa2(save(tmp_path / "vit.pt", {"encoder": half})).encoder
    assert {value.dtype for value in encoder.state_dict().values()} == {torch.float32}


def test_all_tensors_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    tensors = state()
    tensors["blocks.0.mlp.fc1.weight"] = torch.zeros(7, 96)
    tensors["blocks.1.attn.proj.bias"][3] = torch.nan
    tensors["blocks.1.surplus"] = torch.zeros(2)
    del tensors["norm.bias"], tensors["blocks.0.norm1.weight"]
    with pytest.raises(CheckpointError) as caught:
        load_vjepa2(save(tmp_path / "vit.pt", {"encoder": tensors}))
    for part in (
        "5 tensors differ",
        "missing: norm.bias (96,)",
        "missing: blocks.0.norm1.weight",
        "extra: blocks.1.surplus (2,)",
        "mis-shaped: blocks.0.mlp.fc1.weight is (7, 96), expected (384, 96)",
        "not finite or not of floating point: blocks.1.attn.proj.bias",
    ):
        assert part in str(caught.value)


def test_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Touch:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (marker,)

    save(tmp_path / "vit.pt", {"encoder": state(), "args": Touch()})
    (tmp_path / "old.pt").write_bytes(pickle.dumps({"encoder": Touch()}))
    for name in ("vit.pt", "old.pt"):
        with pytest.raises(CheckpointError, match="refused"):
            load_vjepa2(tmp_path / name)
    assert not marker.exists()


@pytest.mark.parametrize("keep", [0, 10, 5000, -100])
def test_truncated_archives_are_refused(tmp_path: Path, keep: int) -> None:
    path = save(tmp_path / "vit.pt", {"encoder": state()})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"vit\.pt"):
        load_vjepa2(path)


def test_other_content_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="expected a dictionary"):
        load_vjepa2(save(tmp_path / "a.pt", [1, 2]))
    with pytest.raises(CheckpointError, match="expected 'encoder' or 'target_encoder'"):
        load_vjepa2(save(tmp_path / "b.pt", {"model": state()}))
    with pytest.raises(CheckpointError, match="expected a tensor"):
        load_vjepa2(save(tmp_path / "c.pt", {"encoder": {"norm.weight": 1.0}}))
    with pytest.raises(CheckpointError, match="no published model has"):
        load_vjepa2(save(tmp_path / "d.pt", {"encoder": {"patch_embed.proj.weight": torch.zeros(8, 3, 2, 16, 16)}}))
    twice = {"encoder": state() | {"module.norm.weight": torch.zeros(96)}}
    with pytest.raises(CheckpointError, match="two tensors are called 'norm.weight'"):
        load_vjepa2(save(tmp_path / "e.pt", twice))


def hugging_face(folder: Path, index: dict[str, str] | None = None) -> Path:
    """A directory in the Hugging Face layout whose encoder has one tensor: enough to see what is refused."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "vjepa2"}))
    if index is None:
        save_file({"encoder.layernorm.weight": torch.ones(4)}, folder / "model.safetensors")
    else:
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return folder


@pytest.mark.parametrize("name", ["../outside.safetensors", "/etc/passwd", "..", "a/b", ""])
def test_shards_outside_the_directory_are_refused(tmp_path: Path, name: str) -> None:
    save_file({"x": torch.ones(1)}, tmp_path / "outside.safetensors")
    with pytest.raises(CheckpointError, match="refused: file name"):
        load_vjepa2(hugging_face(tmp_path / "model", {"x": name}))


def test_links_may_lead_to_the_blobs_of_the_cache_only(tmp_path: Path) -> None:
    blob = tmp_path / "repo" / "blobs" / "0a1b"
    blob.parent.mkdir(parents=True)
    save_file({"encoder.layernorm.weight": torch.ones(4)}, blob)
    cached, stray = (hugging_face(tmp_path / place, {}) for place in ("repo/snapshots/0123", "stray"))
    for folder in (cached, stray):
        (folder / "model.safetensors.index.json").unlink()
        (folder / "model.safetensors").symlink_to(blob)
    with pytest.raises(CheckpointError, match="refused: a link"):
        load_vjepa2(stray)
    with pytest.raises(CheckpointError, match="missing: blocks.0"):
        load_vjepa2(cached)


def test_damaged_directories_are_refused(tmp_path: Path) -> None:
    folder = hugging_face(tmp_path / "short")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match="damaged or truncated"):
        load_vjepa2(folder)
    weights.unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors: missing"):
        load_vjepa2(folder)
    indexed = hugging_face(tmp_path / "indexed", {"a": "one.safetensors", "b": "one.safetensors"})
    save_file({"a": torch.ones(1)}, indexed / "one.safetensors")
    with pytest.raises(CheckpointError, match=r"do not hold the same tensors: \['b'\]"):
        load_vjepa2(indexed)
    (folder / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read as JSON"):
        load_vjepa2(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model_type", "vit"),
        ("patch_size", 14),
        ("hidden_act", "silu"),
        ("num_hidden_layers", 10**9),
        ("hidden_size", True),
        ("hidden_size", 1000),
        ("mlp_ratio", "4"),
        ("crop_size", 250),
    ],
)
def test_configurations_of_other_models_are_refused(field: str, value: object) -> None:
    with pytest.raises(CheckpointError, match="config.json"):
        parse_config({"model_type": "vjepa2", field: value}, "config.json")


def test_published_configurations_have_the_published_sizes() -> None:
    assert parse_config({"model_type": "vjepa2"}, "config.json") == CONFIGS["vitl"]
    giant = {"hidden_size": 1408, "num_hidden_layers": 40, "num_attention_heads": 22, "mlp_ratio": 4.363636363636363}
    assert parse_config({"model_type": "vjepa2", "crop_size": 384, **giant}, "config.json") == CONFIGS["vitg-384"]
    with torch.device("meta"):
        counts = {
            name: sum(value.numel() for value in VJepa2Encoder(CONFIGS[name]).state_dict().values())
            for name in ("vitl", "vith", "vitg")
        }
    millions = {name: round(count / 1e6) for name, count in counts.items()}
    assert millions == {"vitl": 304, "vith": 632, "vitg": 1012}


def test_hugging_face_names_become_the_published_ones() -> None:
    parts = {
        f"encoder.layer.0.attention.{name}.bias": torch.full((2,), i)
        for i, name in enumerate(["query", "key", "value"])
    }
    encoder, predictor = from_hugging_face(parts | {"predictor.embeddings.mask_tokens": torch.zeros(3, 1, 1, 4)})
    assert encoder["blocks.0.attn.qkv.bias"].tolist() == [0, 0, 1, 1, 2, 2]
    assert {name: tuple(value.shape) for name, value in predictor.items()} == {
        f"mask_tokens.{index}": (1, 1, 4) for index in range(3)
    }


def test_sources_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        load_vjepa2(tmp_path / "nothing.pt")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match="cannot be downloaded and is not in the cache"):
        resolve_source("hub:not a name")
    assert is_published("hub:facebook/vjepa2-vitl-fpc64-256") and not is_published(tmp_path)
