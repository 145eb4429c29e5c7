"""`bundle.json`: what a bundle directory holds, with the SHA-256 of every file."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robot_wm.contract import Contract
from robot_wm.deploy.slow_index import SlowDescription
from robot_wm.errors import BundleError

FORMAT = 1
INDEX, SIGNATURE = "bundle.json", "bundle.sig"
GRAPHS = ("encoder.onnx", "predictor.onnx", "critic.onnx", "policy.onnx")
REQUIRED = (*GRAPHS, "contract.yaml")
MAX_INDEX_BYTES = 1 << 20
MAX_BUNDLE_BYTES = 2 << 30


@dataclass(frozen=True)
class FileEntry:
    """What `bundle.json` says of one file."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Description:
    """What a bundle says of its model beside the graphs.

    Attributes:
        tokens: N, tokens of one latent.
        channels: D, channels of one token.
        latent_std: Standard deviation of the latents over the training frames; distances are divided by it.
        chunk: Steps of the policy's action chunk.
        horizon: H, steps of the predictor's roll-out, at most `chunk`.
        metrics: What export and training measured.
        planner: Tuned planner settings, fields of `PlannerSettings`.
        slow: The slow level, if the bundle has one.
    """

    name: str
    contract: Contract
    tokens: int
    channels: int
    latent_std: float
    chunk: int
    horizon: int
    metrics: Mapping[str, Any] = field(default_factory=dict)
    planner: Mapping[str, Any] = field(default_factory=dict)
    slow: SlowDescription | None = None


def read_index(path: Path, name: str = INDEX) -> bytes:
    """The bytes of a model directory's index; BundleError when it is missing, a link or too large."""
    if not path.is_dir():
        raise BundleError(f"{path}: no such bundle directory; give --bundle a directory that `robot-wm export` wrote")
    index = path / name
    if index.is_symlink() or not index.is_file():
        raise BundleError(f"{index}: missing or not a regular file; export the bundle again")
    if index.stat().st_size > MAX_INDEX_BYTES:
        raise BundleError(f"{index}: {index.stat().st_size} bytes, at most {MAX_INDEX_BYTES} are accepted")
    return index.read_bytes()


def parse_index(data: bytes, source: Path) -> dict[str, Any]:
    """The index with the types and ranges of its fields checked; BundleError names the field that is wrong."""
    try:
        index = json.loads(text(data, source))
    except json.JSONDecodeError as error:
        raise BundleError(f"{source}: not valid JSON: {error}") from error
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        got = index.get("format") if isinstance(index, dict) else type(index).__name__
        raise BundleError(f"{source}: format is {got!r}, this version reads {FORMAT}; export the bundle again")
    for key, kind in (("name", str), ("latent", dict), ("metrics", dict), ("planner", dict), ("files", dict)):
        if not isinstance(index.get(key), kind):
            raise BundleError(f"{source}: '{key}' is {index.get(key)!r}, expected a {kind.__name__}")
    latent = index["latent"]
    sizes = (latent.get("tokens"), latent.get("channels"), index.get("chunk"), index.get("horizon"))
    if not all(isinstance(size, int) and size > 0 for size in sizes) or index["horizon"] > index["chunk"]:
        raise BundleError(
            f"{source}: latent tokens, channels, chunk and horizon are {sizes}, "
            "expected positive integers and a horizon of at most the chunk"
        )
    std = latent.get("std")
    if not isinstance(std, (int, float)) or not math.isfinite(std) or std <= 0:
        raise BundleError(f"{source}: latent std is {std!r}, expected a positive number")
    return index


def parse_files(
    plain: dict[str, Any],
    path: Path,
    *,
    index: str = INDEX,
    required: Sequence[str] = REQUIRED,
    most: int = MAX_BUNDLE_BYTES,
) -> dict[str, FileEntry]:
    """The listed files by name; BundleError when a name leaves the directory or a needed file is not listed."""
    files = {}
    for name, entry in plain.items():
        if name in ("", ".", "..", index, SIGNATURE) or any(character in name for character in "/\\:\0"):
            raise BundleError(f"{path / index}: file name {name!r} is not a plain name inside the bundle")
        if (
            not isinstance(entry, dict)
            or not isinstance(entry.get("sha256"), str)
            or not isinstance(entry.get("bytes"), int)
        ):
            raise BundleError(f"{path / index}: entry of '{name}' is {entry!r}, expected 'sha256' and 'bytes'")
        files[name] = FileEntry(entry["sha256"], entry["bytes"])
    for name in required:
        if name not in files:
            raise BundleError(f"{path / name}: not listed in {index}, and every model needs it; export it again")
    total = sum(entry.size for entry in files.values())
    if total > most:
        raise BundleError(f"{path}: {total} bytes in all, at most {most} are accepted")
    return files


def write_index(
    path: Path,
    description: Description,
    *,
    opset: int,
    versions: Mapping[str, str],
) -> None:
    """Writes `bundle.json` over the files that are in `path` now: the last step of making a bundle.

    The same files and arguments give the same bytes.
    """
    index: dict[str, Any] = {
        "format": FORMAT,
        "name": description.name,
        "latent": {
            "tokens": description.tokens,
            "channels": description.channels,
            "std": description.latent_std,
        },
        "chunk": description.chunk,
        "horizon": description.horizon,
        "opset": opset,
        "versions": dict(sorted(versions.items())),
        "metrics": dict(description.metrics),
        "planner": dict(description.planner),
        "files": list_files(path),
    }
    if description.slow is not None:
        index["slow"] = description.slow.to_plain()
    (path / INDEX).write_text(json.dumps(index, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def list_files(path: Path) -> dict[str, dict[str, str | int]]:
    """The index's entries of the files that are in `path` now, the index itself left out."""
    names = sorted(entry.name for entry in path.iterdir() if entry.name not in (INDEX, SIGNATURE))
    contents = {name: (path / name).read_bytes() for name in names}
    return {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in contents.items()}


def text(data: bytes, source: Path) -> str:
    """Decodes UTF-8; BundleError names the file that is not."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BundleError(f"{source}: not UTF-8 text: {error}") from error
