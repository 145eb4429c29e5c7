"""`model.json`: what an exported V-JEPA 2 model is, with the SHA-256 of every file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from robot_wm.deploy.index import FileEntry, parse_files, read_index, text
from robot_wm.errors import BundleError

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


def read_model_index(path: Path) -> tuple[dict[str, Any], ModelDescription, dict[str, FileEntry]]:
    """`model.json`, its description of the model, and the files it lists; BundleError when it is malformed."""
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
    files = parse_files(index["files"], path, index=INDEX, required=required, most=MAX_BYTES)
    return index, ModelDescription(**model), files


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


def write_model_index(
    folder: Path, model: ModelDescription, *, opset: int, parity: Mapping[str, float | str], versions: Mapping[str, str]
) -> None:
    """Writes `model.json` over the files that are in `folder` now."""
    entries = {entry.name: file_entry(entry) for entry in sorted(folder.iterdir()) if entry.name != INDEX}
    index = {
        "format": FORMAT,
        "model": asdict(model),
        "opset": opset,
        "parity": dict(parity),
        "versions": dict(versions),
        "files": {name: {"sha256": entry.sha256, "bytes": entry.size} for name, entry in entries.items()},
    }
    (folder / INDEX).write_text(json.dumps(index, indent=2, allow_nan=False) + "\n", encoding="utf-8")
