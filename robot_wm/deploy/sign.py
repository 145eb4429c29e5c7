"""`robot-wm sign`: an Ed25519 signature for a bundle."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from robot_wm.deploy.bundle import load_bundle
from robot_wm.deploy.index import SIGNATURE, read_index
from robot_wm.deploy.signature import CONTEXT, read_key
from robot_wm.errors import BundleError

SIGNING_KEY = "ROBOT_WM_SIGNING_KEY"
"""Environment variable with the private key itself, PEM."""


@dataclass(frozen=True)
class SignConfig:
    """Signs a bundle; the signature goes beside its index.

    Attributes:
        bundle: The bundle directory.
        key: File of the Ed25519 private key, PEM without a passphrase; None takes it from ROBOT_WM_SIGNING_KEY.
        new_key: Make a key pair first: `key` and, beside it, the public key with `.pub` added to its name.
    """

    bundle: Path
    key: Path | None = None
    new_key: bool = False


def run(config: SignConfig) -> int:
    """Writes the signature; BundleError when bundle or key are not usable."""
    bundle = load_bundle(config.bundle)
    key = _make_key(config.key) if config.new_key else _private_key(config.key)
    (config.bundle / SIGNATURE).write_bytes(key.sign(CONTEXT + read_index(config.bundle)))
    print(f"signed: bundle '{bundle.name}', sha256 {bundle.sha256[:12]}, {config.bundle / SIGNATURE}")
    return 0


def _make_key(file: Path | None) -> Ed25519PrivateKey:
    if file is None or file.exists():
        raise BundleError(f"--new-key: --key is {file}; give a file that does not exist yet")
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(private)
    file.with_name(file.name + ".pub").write_bytes(public)
    return key


def _private_key(file: Path | None) -> Ed25519PrivateKey:
    pem = os.environ.get(SIGNING_KEY, "").encode() if file is None else read_key(file)
    source = SIGNING_KEY if file is None else str(file)
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise BundleError(f"{source}: not an Ed25519 private key in PEM: {error}; --new-key makes one") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BundleError(f"{source}: a key of another kind; an Ed25519 private key is needed")
    return key
