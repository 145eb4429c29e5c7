"""A model bundle: one flat directory whose `bundle.json` holds the SHA-256 of every other file."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from robot_wm.contract import Contract
from robot_wm.errors import BundleError

FORMAT = 1
INDEX = "bundle.json"
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
class Bundle:
    """A bundle whose files were all verified; `read` verifies again, so that what is run is what was checked.

    Attributes:
        path: Its directory.
        tokens: N, tokens of one latent.
        channels: D, channels of one token.
        latent_std: Standard deviation of the latents over the training frames; distances are divided by it.
        chunk: Steps of the policy's action chunk.
        horizon: H, steps of the predictor's roll-out, at most `chunk`.
        metrics: What export and training measured.
        planner: Tuned planner settings, fields of `PlannerSettings`.
        sha256: Hash of `bundle.json`, which stands for the whole bundle.
    """

    path: Path
    name: str
    contract: Contract
    tokens: int
    channels: int
    latent_std: float
    chunk: int
    horizon: int
    metrics: Mapping[str, Any]
    planner: Mapping[str, Any]
    files: Mapping[str, FileEntry]
    sha256: str

    def read(self, name: str) -> bytes:
        """The verified bytes of one file; BundleError when it is not listed or does not match its hash."""
        if name not in self.files:
            raise BundleError(f"{self.path / name}: not listed in {INDEX}; listed are {sorted(self.files)}")
        return _read_verified(self.path / name, self.files[name])


def default_bundle() -> Path:
    """The bundle that ships inside the package."""
    return Path(__file__).resolve().parent.parent / "bundles" / "tabletop"


def load_bundle(path: Path) -> Bundle:
    """Reads and verifies a bundle directory.

    Raises:
        BundleError: A file is missing, unlisted, altered, a link, too large or outside the directory; it is named.
        ContractError: `contract.yaml` is malformed.
    """
    path = Path(path)
    index_bytes = _read_index(path)
    index = _parse_index(index_bytes, path / INDEX)
    files = _parse_files(index["files"], path)
    _check_listing(path, files)
    contents = {name: _read_verified(path / name, entry) for name, entry in files.items()}
    contract = Contract.from_yaml(_text(contents["contract.yaml"], path / "contract.yaml"), str(path / "contract.yaml"))
    latent = index["latent"]
    return Bundle(
        path=path,
        name=index["name"],
        contract=contract,
        tokens=latent["tokens"],
        channels=latent["channels"],
        latent_std=float(latent["std"]),
        chunk=index["chunk"],
        horizon=index["horizon"],
        metrics=MappingProxyType(index["metrics"]),
        planner=MappingProxyType(index["planner"]),
        files=MappingProxyType(files),
        sha256=hashlib.sha256(index_bytes).hexdigest(),
    )


def write_index(
    path: Path,
    *,
    name: str,
    tokens: int,
    channels: int,
    latent_std: float,
    chunk: int,
    horizon: int,
    opset: int,
    versions: Mapping[str, str],
    metrics: Mapping[str, Any],
    planner: Mapping[str, Any],
) -> None:
    """Writes `bundle.json` over the files that are in `path` now: the last step of making a bundle.

    The same files and arguments give the same bytes.
    """
    names = sorted(entry.name for entry in path.iterdir() if entry.name != INDEX)
    contents = {file: (path / file).read_bytes() for file in names}
    index = {
        "format": FORMAT,
        "name": name,
        "latent": {"tokens": tokens, "channels": channels, "std": latent_std},
        "chunk": chunk,
        "horizon": horizon,
        "opset": opset,
        "versions": dict(sorted(versions.items())),
        "metrics": dict(metrics),
        "planner": dict(planner),
        "files": {
            file: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for file, data in contents.items()
        },
    }
    (path / INDEX).write_text(json.dumps(index, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _read_index(path: Path) -> bytes:
    if not path.is_dir():
        raise BundleError(f"{path}: no such bundle directory; give --bundle a directory that `robot-wm export` wrote")
    index = path / INDEX
    if index.is_symlink() or not index.is_file():
        raise BundleError(f"{index}: missing or not a regular file; export the bundle again")
    if index.stat().st_size > MAX_INDEX_BYTES:
        raise BundleError(f"{index}: {index.stat().st_size} bytes, at most {MAX_INDEX_BYTES} are accepted")
    return index.read_bytes()


def _parse_index(data: bytes, source: Path) -> dict[str, Any]:
    try:
        index = json.loads(_text(data, source))
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


def _parse_files(plain: dict[str, Any], path: Path) -> dict[str, FileEntry]:
    files = {}
    for name, entry in plain.items():
        if name in ("", ".", "..", INDEX) or any(character in name for character in "/\\:\0"):
            raise BundleError(f"{path / INDEX}: file name {name!r} is not a plain name inside the bundle")
        if (
            not isinstance(entry, dict)
            or not isinstance(entry.get("sha256"), str)
            or not isinstance(entry.get("bytes"), int)
        ):
            raise BundleError(f"{path / INDEX}: entry of '{name}' is {entry!r}, expected 'sha256' and 'bytes'")
        files[name] = FileEntry(entry["sha256"], entry["bytes"])
    for name in REQUIRED:
        if name not in files:
            raise BundleError(
                f"{path / name}: not listed in {INDEX}, and every bundle needs it; export the bundle again"
            )
    total = sum(entry.size for entry in files.values())
    if total > MAX_BUNDLE_BYTES:
        raise BundleError(f"{path}: {total} bytes in all, at most {MAX_BUNDLE_BYTES} are accepted")
    return files


def _check_listing(path: Path, files: Mapping[str, FileEntry]) -> None:
    for entry in sorted(path.iterdir()):
        if entry.name != INDEX and entry.name not in files:
            raise BundleError(
                f"{entry}: in the directory but not listed in {INDEX}; remove it or export the bundle again"
            )


def _read_verified(file: Path, entry: FileEntry) -> bytes:
    if file.is_symlink():
        raise BundleError(f"{file}: a symbolic link; a bundle holds regular files only")
    if not file.is_file():
        raise BundleError(f"{file}: missing (or not a regular file), though {INDEX} lists it; copy or export it again")
    size = file.stat().st_size
    if size != entry.size:
        raise BundleError(f"{file}: {size} bytes, {INDEX} says {entry.size}; the file is incomplete or altered")
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != entry.sha256:
        raise BundleError(f"{file}: SHA-256 is {digest}, {INDEX} says {entry.sha256}; the file was altered")
    return data


def _text(data: bytes, source: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BundleError(f"{source}: not UTF-8 text: {error}") from error
