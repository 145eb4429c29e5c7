"""Optional files join a bundle with their hashes; nothing that export wrote can be replaced that way."""

import shutil
from pathlib import Path

import pytest

from robot_wm.deploy.bundle import load_bundle
from robot_wm.deploy.extend import add_to_bundle
from robot_wm.errors import BundleError

NOTE = ("Extra", "What it is.")


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def test_an_added_file_is_listed_and_the_rest_stays(bundle: Path) -> None:
    before = load_bundle(bundle)
    graph, other = before.read("critic.onnx"), before.read("policy.onnx")
    after = add_to_bundle(bundle, {"extra.onnx": graph}, {"extra": {"loss": 0.5}}, NOTE)
    assert after.read("extra.onnx") == graph
    assert after.metrics == {**before.metrics, "extra": {"loss": 0.5}}
    assert {name: after.files[name] for name in before.files if name != "MODEL_CARD.md"} == {
        name: entry for name, entry in before.files.items() if name != "MODEL_CARD.md"
    }
    again = add_to_bundle(bundle, {"extra.onnx": other}, {}, ("Extra", "Something else."))
    card = again.read("MODEL_CARD.md").decode()
    assert again.read("extra.onnx") == other
    assert card.count("## Extra") == 1 and "Something else." in card and "What it is." not in card
    assert [entry.name for entry in bundle.parent.iterdir()] == ["bundle"]


@pytest.mark.parametrize("name", ["encoder.onnx", "bundle.json", "contract.yaml", "MODEL_CARD.md"])
def test_what_export_wrote_is_not_replaced(bundle: Path, name: str) -> None:
    before = load_bundle(bundle).sha256
    with pytest.raises(BundleError, match="export"):
        add_to_bundle(bundle, {name: b""}, {}, NOTE)
    assert load_bundle(bundle).sha256 == before


def test_a_name_outside_the_bundle_is_refused(bundle: Path) -> None:
    before = load_bundle(bundle).sha256
    with pytest.raises(BundleError, match="plain name"):
        add_to_bundle(bundle, {"../extra.onnx": b""}, {}, NOTE)
    assert load_bundle(bundle).sha256 == before and not (bundle.parent / "extra.onnx").exists()


def test_an_altered_bundle_is_not_extended(bundle: Path) -> None:
    (bundle / "critic.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match=r"critic\.onnx"):
        add_to_bundle(bundle, {"extra.onnx": b""}, {}, NOTE)
