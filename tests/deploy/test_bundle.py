"""Loading a bundle refuses every file that is not what bundle.json says, and names it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from robot_wm.contract import TABLETOP
from robot_wm.deploy.bundle import load_bundle
from robot_wm.errors import BundleError, ContractError


@pytest.fixture
def copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def edit_index(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    index = json.loads((bundle / "bundle.json").read_text())
    change(index)
    (bundle / "bundle.json").write_text(json.dumps(index))


def flip_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_loads_what_was_exported(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    assert bundle.contract == TABLETOP
    assert (bundle.tokens, bundle.channels, bundle.chunk, bundle.horizon) == (4, 8, 4, 3)
    fast = {name for name in bundle.metrics["parity"] if not name.startswith("slow ")}
    assert fast == {"encoder", "tokens", "predictor", "critic", "policy"}
    assert "model_config.json" in bundle.files


@pytest.mark.parametrize("name", ["encoder.onnx", "contract.yaml", "model_config.json"])
def test_altered_file_is_named(copy: Path, name: str) -> None:
    flip_byte(copy / name)
    with pytest.raises(BundleError, match=f"{name}.*altered"):
        load_bundle(copy)


def test_missing_truncated_and_extra_files_are_named(copy: Path) -> None:
    (copy / "notes.txt").write_text("hello")
    with pytest.raises(BundleError, match=r"notes\.txt.*not listed"):
        load_bundle(copy)
    (copy / "notes.txt").unlink()
    (copy / "critic.onnx").write_bytes((copy / "critic.onnx").read_bytes()[:-10])
    with pytest.raises(BundleError, match=r"critic\.onnx.*incomplete"):
        load_bundle(copy)
    (copy / "critic.onnx").unlink()
    with pytest.raises(BundleError, match=r"critic\.onnx: missing"):
        load_bundle(copy)


def test_symbolic_links_are_refused_even_to_the_right_bytes(copy: Path, tmp_path: Path) -> None:
    (copy / "policy.onnx").rename(tmp_path / "elsewhere.onnx")
    (copy / "policy.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(BundleError, match=r"policy\.onnx: a symbolic link"):
        load_bundle(copy)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", "C:\\x", ""])
def test_names_that_leave_the_directory_are_refused(copy: Path, name: str) -> None:
    edit_index(copy, lambda index: index["files"].update({name: {"sha256": "0" * 64, "bytes": 1}}))
    with pytest.raises(BundleError, match="not a plain name"):
        load_bundle(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda index: index.update(format=2), "format is 2"),
        (lambda index: index.pop("files"), "'files'"),
        (lambda index: index["files"].pop("predictor.onnx"), r"predictor\.onnx: not listed"),
        (lambda index: index["files"].update({"contract.yaml": 3}), r"contract\.yaml"),
        (lambda index: index["files"]["encoder.onnx"].update(bytes=3 << 30), "at most"),
        (lambda index: index["latent"].update(std=0.0), "std"),
        (lambda index: index.update(horizon=9), "horizon"),
    ],
)
def test_bad_index_is_refused(copy: Path, change: Callable[[dict[str, Any]], object], message: str) -> None:
    edit_index(copy, change)
    with pytest.raises(BundleError, match=message):
        load_bundle(copy)


def test_index_that_is_missing_or_not_json(copy: Path, tmp_path: Path) -> None:
    (copy / "bundle.json").write_text("{")
    with pytest.raises(BundleError, match="not valid JSON"):
        load_bundle(copy)
    (copy / "bundle.json").unlink()
    with pytest.raises(BundleError, match=r"bundle\.json: missing"):
        load_bundle(copy)
    with pytest.raises(BundleError, match="no such bundle directory"):
        load_bundle(tmp_path / "nowhere")


def test_malformed_contract_with_the_right_hash(copy: Path) -> None:
    import hashlib

    text = b"name: [unclosed"
    (copy / "contract.yaml").write_bytes(text)
    entry = {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}
    edit_index(copy, lambda index: index["files"].update({"contract.yaml": entry}))
    with pytest.raises(ContractError, match=r"contract\.yaml"):
        load_bundle(copy)


def test_a_file_altered_after_loading_is_not_run(copy: Path) -> None:
    bundle = load_bundle(copy)
    flip_byte(copy / "encoder.onnx")
    with pytest.raises(BundleError, match=r"encoder\.onnx.*altered"):
        bundle.read("encoder.onnx")
