"""`robot-wm verify`: whether a bundle is what its signer signed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from robot_wm.deploy.bundle import load_bundle
from robot_wm.deploy.index import read_index
from robot_wm.deploy.signature import check_signature


@dataclass(frozen=True)
class VerifyConfig:
    """Checks every file of a bundle against its index, and the index against its signature.

    Attributes:
        bundle: The bundle directory.
        key: File of the Ed25519 public key, PEM.
    """

    bundle: Path
    key: Path


def run(config: VerifyConfig) -> int:
    """Prints what was verified; BundleError when a byte or the signature does not fit."""
    check_signature(config.bundle, read_index(config.bundle), [config.key])
    bundle = load_bundle(config.bundle)
    print(f"verified: bundle '{bundle.name}', sha256 {bundle.sha256[:12]}, {len(bundle.files)} files")
    return 0
