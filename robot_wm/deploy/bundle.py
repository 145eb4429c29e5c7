"""A model bundle: one flat directory of graphs and documents, verified against its index."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from robot_wm.contract import Contract
from robot_wm.deploy.graph_check import check_graph
from robot_wm.deploy.index import INDEX, SIGNATURE, Description, FileEntry, parse_files, parse_index, read_index, text
from robot_wm.deploy.signature import check_signature, trusted_keys
from robot_wm.deploy.slow_index import parse_slow
from robot_wm.errors import BundleError


@dataclass(frozen=True, kw_only=True)
class Bundle(Description):
    """A bundle whose files were all verified; `read` verifies again, so that what is run is what was checked.

    Attributes:
        path: Its directory.
        files: What the index says of each file.
        sha256: Hash of `bundle.json`, which stands for the whole bundle.
    """

    path: Path
    files: Mapping[str, FileEntry]
    sha256: str

    def read(self, name: str) -> bytes:
        """The verified bytes of one file; BundleError when it is not listed or does not match its hash."""
        if name not in self.files:
            raise BundleError(f"{self.path / name}: not listed in {INDEX}; listed are {sorted(self.files)}")
        return _read_verified(self.path / name, self.files[name])


SHIPPED = Path(__file__).resolve().parent.parent / "bundles"


def default_bundle() -> Path:
    """The bundle that ships inside the package."""
    return SHIPPED / "tabletop"


def _bundle_at(name: str | Path) -> Path:
    """Where a bundle is: a directory, or the name of one that ships; the default one for an empty name."""
    path = Path(name) if name else default_bundle()
    return SHIPPED / path if len(path.parts) == 1 and not path.exists() and (SHIPPED / path).is_dir() else path


def load_bundle(path: str | Path) -> Bundle:
    """Reads and verifies a bundle directory, or a shipped bundle by its name; the default one for an empty name.

    Raises:
        BundleError: A file is missing, unlisted, altered, a link, too large or outside the directory; a graph holds
            what graphs may not; or the bundle is not signed where ROBOT_WM_TRUSTED_KEYS asks for it. The file is named.
        ContractError: `contract.yaml` is malformed.
    """
    path = _bundle_at(path)
    index_bytes = read_index(path)
    keys = trusted_keys()
    if keys:
        check_signature(path, index_bytes, keys)
    index = parse_index(index_bytes, path / INDEX)
    files = parse_files(index["files"], path)
    _check_listing(path, files)
    contents = {name: _read_verified(path / name, entry) for name, entry in files.items()}
    for name in files:
        if name.endswith(".onnx"):
            check_graph(contents[name], str(path / name))
    contract = Contract.from_yaml(text(contents["contract.yaml"], path / "contract.yaml"), str(path / "contract.yaml"))
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
        slow=parse_slow(index.get("slow"), files, str(path / INDEX)),
        files=MappingProxyType(files),
        sha256=hashlib.sha256(index_bytes).hexdigest(),
    )


def _check_listing(path: Path, files: Mapping[str, FileEntry]) -> None:
    for entry in sorted(path.iterdir()):
        if entry.name not in (INDEX, SIGNATURE) and entry.name not in files:
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
