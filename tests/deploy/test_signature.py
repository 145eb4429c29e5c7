"""Signing and verifying bundles."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from robot_wm.deploy.bundle import default_bundle, load_bundle
from robot_wm.deploy.sign import SIGNING_KEY, SignConfig
from robot_wm.deploy.sign import run as sign
from robot_wm.deploy.signature import TRUSTED_KEYS
from robot_wm.deploy.verify import VerifyConfig
from robot_wm.deploy.verify import run as verify
from robot_wm.errors import BundleError


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, Path]:
    """A signed copy of the shipped bundle, and the public key."""
    bundle = Path(shutil.copytree(default_bundle(), tmp_path / "bundle"))
    assert sign(SignConfig(bundle, tmp_path / "my.key", new_key=True)) == 0
    return bundle, tmp_path / "my.key.pub"


def test_what_was_signed_verifies_and_loads(signed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, public = signed
    assert verify(VerifyConfig(bundle, public)) == 0
    monkeypatch.setenv(TRUSTED_KEYS, str(public))
    load_bundle(bundle)
    assert stat.S_IMODE((public.parent / "my.key").stat().st_mode) == 0o600


def test_an_unsigned_bundle_is_refused_where_keys_are_trusted(
    signed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRUSTED_KEYS, str(signed[1]))
    with pytest.raises(BundleError, match=r"bundle\.sig: missing"):
        load_bundle(default_bundle())


def test_an_altered_index_and_a_stranger_s_key_are_refused(signed: tuple[Path, Path], tmp_path: Path) -> None:
    bundle, public = signed
    index = bundle / "bundle.json"
    index.write_bytes(index.read_bytes() + b"\n")
    with pytest.raises(BundleError, match="does not fit"):
        verify(VerifyConfig(bundle, public))
    sign(SignConfig(bundle, tmp_path / "other.key", new_key=True))
    with pytest.raises(BundleError, match="does not fit"):
        verify(VerifyConfig(bundle, public))


def test_a_key_can_come_from_the_environment(signed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, public = signed
    first = (bundle / "bundle.sig").read_bytes()
    monkeypatch.setenv(SIGNING_KEY, (public.parent / "my.key").read_text())
    assert sign(SignConfig(bundle)) == 0
    assert (bundle / "bundle.sig").read_bytes() == first
    monkeypatch.setenv(SIGNING_KEY, "no key")
    with pytest.raises(BundleError, match=f"{SIGNING_KEY}: not an Ed25519 private key"):
        sign(SignConfig(bundle))


def test_a_key_is_never_overwritten(signed: tuple[Path, Path]) -> None:
    bundle, public = signed
    with pytest.raises(BundleError, match="does not exist yet"):
        sign(SignConfig(bundle, public.parent / "my.key", new_key=True))
