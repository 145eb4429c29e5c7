"""Ed25519 signatures of bundles: `robot-wm sign` and `robot-wm verify`.

What is signed is `bundle.json`, which holds the SHA-256 of every other file, so one signature stands for all of them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from robot_wm.deploy.index import INDEX, SIGNATURE
from robot_wm.errors import BundleError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TRUSTED_KEYS = "ROBOT_WM_TRUSTED_KEYS"
"""Environment variable: files of public keys, separated by ':'."""
CONTEXT = b"robot_wm bundle 1\n"
"""Goes before what is signed, so that a signature for something else never fits."""


def trusted_keys() -> list[Path]:
    """Files of public keys that the environment names; where there are any, unsigned bundles are refused."""
    return [Path(name) for name in os.environ.get(TRUSTED_KEYS, "").split(":") if name]


def check_signature(path: Path, index: bytes, keys: list[Path]) -> None:
    """Raises BundleError unless the bundle in `path` is signed by one of the public keys.

    Args:
        path: The bundle directory.
        index: The bytes of its `bundle.json`, as they will be used.
        keys: Files of public keys.
    """
    file = path / SIGNATURE
    if file.is_symlink() or not file.is_file():
        raise BundleError(f"{file}: missing, and only signed bundles are accepted here; sign it: robot-wm sign")
    if file.stat().st_size != 64:
        raise BundleError(f"{file}: {file.stat().st_size} bytes; an Ed25519 signature has 64")
    signature = file.read_bytes()
    if not any(_fits(_public_key(key), signature, CONTEXT + index) for key in keys):
        names = ", ".join(str(key) for key in keys)
        raise BundleError(f"{file}: does not fit {INDEX} under {names}; the bundle was altered or signed by another")


def _fits(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _public_key(file: Path) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(read_key(file))
    except ValueError as error:
        raise BundleError(f"{file}: not an Ed25519 public key in PEM: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BundleError(f"{file}: a key of another kind; an Ed25519 public key is needed")
    return key


def read_key(file: Path) -> bytes:
    """The bytes of a key's file; BundleError when it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise BundleError(f"{file}: cannot be read: {error.strerror}") from error
