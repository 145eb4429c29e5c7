"""Tensors from files of others: PyTorch archives without code, safetensors, and the Hugging Face hub."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from robot_wm.errors import CheckpointError

HUB = "hub:"
"""What the name of a repository on the Hugging Face hub begins with."""
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
CONFIG = "config.json"
MAX_JSON_BYTES = 16 << 20


def resolve_source(source: str | Path) -> Path:
    """A local file or directory; what begins with `hub:` is downloaded, or taken from the hub's cache.

    Raises:
        CheckpointError: There is no such file, or the hub cannot be reached.
    """
    name = str(source)
    if name.startswith(HUB):
        return _download(name.removeprefix(HUB))
    path = Path(source)
    if not path.exists():
        raise CheckpointError(
            f"{path}: no such file or directory; give a .pt file, a directory with {CONFIG} and safetensors, or "
            f"{HUB}owner/name for a repository on the Hugging Face hub"
        )
    return path


def _download(repository: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError as error:
        raise CheckpointError(f"{HUB}{repository}: run pip install huggingface_hub, or give a local path") from error
    try:
        return Path(snapshot_download(repository, allow_patterns=[CONFIG, "*.safetensors", INDEX]))
    except Exception as error:  # the hub's client raises those of three HTTP libraries, and ValueError for a bad name
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"{HUB}{repository}: cannot be downloaded and is not in the cache: {reason}. "
            "Without a network, copy the repository to a directory and give its path"
        ) from error


def read_archive(path: Path) -> dict[str, Any]:
    """What `torch.save` wrote, tensors and plain containers only; CheckpointError when it is damaged or holds code."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except UnpicklingError as error:
        raise CheckpointError(
            f"{path}: refused: it holds something other than tensors and plain containers, which could run code, or it "
            f"is damaged. Save its state dicts anew with torch.save. torch says: {str(error).splitlines()[0]}"
        ) from error
    except Exception as error:  # a truncated archive raises many unrelated types
        raise CheckpointError(f"{path}: cannot be read, truncated or no PyTorch file: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: holds a {type(content).__name__}, expected a dictionary of state dicts")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; CheckpointError when it is missing, too large or malformed."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise CheckpointError(f"{path}: {path.stat().st_size} bytes, at most {MAX_JSON_BYTES} are accepted")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: holds a {type(content).__name__}, expected an object")
    return content


def read_safetensors(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a directory in the Hugging Face layout, one file or several behind an index.

    Raises:
        CheckpointError: A file is missing, damaged, outside the directory, or does not hold what the index says.
    """
    if not (folder / INDEX).exists():
        return _read_shard(inside(folder, WEIGHTS))
    index = read_json(inside(folder, INDEX)).get("weight_map")
    if not isinstance(index, dict) or not index or not all(isinstance(name, str) for name in index.values()):
        raise CheckpointError(f"{folder / INDEX}: 'weight_map' is not a mapping of tensors to files")
    tensors: dict[str, torch.Tensor] = {}
    for name in sorted(set(index.values())):
        tensors |= _read_shard(inside(folder, name))
    if tensors.keys() != index.keys():
        different = sorted(tensors.keys() ^ index.keys())
        raise CheckpointError(f"{folder / INDEX}: index and files do not hold the same tensors: {different}")
    return tensors


def _read_shard(path: Path) -> dict[str, torch.Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: cannot be read as safetensors, damaged or truncated: {error}") from error


def inside(folder: Path, name: str) -> Path:
    """A file of a directory, by its plain name.

    A symbolic link may lead only into the directory, or into the blobs of the hub's cache where the directory is one of
    its snapshots.

    Raises:
        CheckpointError: The name or the link leaves the directory, or there is no such file.
    """
    if not name or name in (".", "..") or any(character in name for character in "/\\:\0"):
        raise CheckpointError(f"{folder}: refused: file name {name!r} is not a plain name inside the directory")
    path = folder / name
    if not path.is_file():
        raise CheckpointError(f"{path}: missing; the directory should hold {CONFIG} and {WEIGHTS} or {INDEX}")
    root = folder.resolve()
    allowed = [root, root.parent.parent / "blobs"] if root.parent.name == "snapshots" else [root]
    if path.resolve().parent not in allowed:
        raise CheckpointError(f"{path}: refused: a link to {path.resolve()}, outside the directory")
    return path
