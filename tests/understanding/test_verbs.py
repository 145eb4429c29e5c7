"""The three verbs from end to end, on a tiny bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pybullet")

from robot_wm.cli import main
from robot_wm.deploy.bundle import load_bundle
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.understanding.episodes import fresh_episodes
from robot_wm.understanding.imagine import imagine
from robot_wm.understanding.optional_graph import OptionalGraph


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of its own, with decoder and clip predictor."""
    path = tmp_path_factory.mktemp("understanding") / "bundle"
    shutil.copytree(tiny_bundle, path)
    words = ["--learn", "--episodes", "2", "--learning-steps", "2", "--workers", "1"]
    assert main(["imagine", "--bundle", str(path), "--out", str(path.parent / "strip.png"), *words]) == 0
    words = ["--learn", "--clips", "8", "--steps", "2", "--pairs", "2", "--json", str(path.parent / "physics.json")]
    assert main(["physics", "--bundle", str(path), "--out", str(path.parent / "report"), *words]) == 0
    return path


def test_what_was_learned_is_part_of_the_verified_bundle(bundle: Path, tiny_bundle: Path) -> None:
    before, after = load_bundle(tiny_bundle), load_bundle(bundle)
    assert set(after.files) - set(before.files) == {"decoder.onnx", "clip_predictor.onnx"}
    assert all(after.files[name] == before.files[name] for name in before.files if name != "MODEL_CARD.md")
    assert after.metrics["decoder"]["parity"] < 1e-4 and after.metrics["clip_predictor"]["parity"] < 1e-4
    card = after.read("MODEL_CARD.md").decode()
    assert card.count("## Decoder") == card.count("## Clip predictor") == card.count("## Known failures") == 1


def test_physics_reports_every_category_and_draws(bundle: Path) -> None:
    report = json.loads((bundle.parent / "physics.json").read_text())
    assert len(report["categories"]) == 7
    for row in report["categories"].values():
        assert row["pairs"] == 2
        assert row["ci95"][0] <= row["pairwise_accuracy"] <= row["ci95"][1]
    assert 0 <= report["mean_pairwise_accuracy"] <= 1 and 0 <= report["untrained_mean_pairwise_accuracy"] <= 1
    assert "solidity" in (bundle.parent / "report" / "report.md").read_text()
    assert (bundle.parent / "report" / "surprise.png").stat().st_size > 10_000


def test_imagined_pictures_begin_with_what_was_seen(bundle: Path) -> None:
    from PIL import Image

    strip = np.asarray(Image.open(bundle.parent / "strip.png"))
    assert strip.shape[0] == 2 * (3 * 96 + 2 * 4)
    loaded = load_bundle(bundle)
    model = OnnxWorldModel(loaded)
    episode = fresh_episodes(1, 3, randomize=0.0, steps=12)
    imagined = imagine(model, OptionalGraph(loaded, "decoder", ""), episode, start=2, steps=7)
    assert imagined.expected.shape == imagined.happened.shape == (8, 96, 96, 3)
    assert np.array_equal(imagined.expected[0], imagined.seen[0]) and imagined.error[0] == 0
    assert np.array_equal(imagined.happened[0], episode.images[2])
    short = model.rollout(model.encode(episode.images[2:3])[0], episode.states[2], episode.actions[None, 2:5])[0]
    true = model.encode(episode.images[3:6])
    assert imagined.error[1:4] == pytest.approx(np.abs(short - true).mean((1, 2)) / model.latent_std, rel=1e-4)


def test_an_animation_has_a_picture_a_step(bundle: Path, tmp_path: Path) -> None:
    from PIL import Image

    out = tmp_path / "imagined.gif"
    assert main(["imagine", "--bundle", str(bundle), "--out", str(out), "--steps", "5"]) == 0
    assert 2 <= Image.open(out).n_frames <= 6


def test_a_bundle_without_decoder_says_how_to_get_one(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["imagine", "--bundle", str(tiny_bundle)]) == 2
    assert "robot-wm imagine --learn" in " ".join(capsys.readouterr().err.split())


def test_probe_writes_a_row_for_every_source(tiny_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "probe.json"
    words = ["--episodes", "6", "--steps", "3", "--workers", "1", "--json", str(out)]
    assert main(["probe", "--bundle", str(tiny_bundle), *words]) == 0
    report = json.loads(out.read_text())
    assert set(report["results"]) == {"encoder", "untrained encoder", "pixels (PCA)"}
    for row in report["results"].values():
        assert set(row) == {"end effector", "object", "contact", "behaviour"}
        assert all(np.isfinite(score) for scores in row.values() for score in scores.values())
