"""The reading of the tool's place: fitted, calibrated, put into a bundle, and read again without torch."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from robot_wm.deploy.bundle import load_bundle
from robot_wm.errors import BundleError, TrainingError
from robot_wm.safety.view_check import FRAMES
from robot_wm.understanding.episodes import Episodes
from robot_wm.understanding.learn_view import FALSE_ALARMS, HELD_OUT, calibrate, learn
from robot_wm.understanding.view import View

EPISODES = round(1 / FALSE_ALARMS / HELD_OUT)


def episodes(count: int, rng: np.random.Generator) -> Episodes:
    """Pictures whose first pixels hold the tool's place, so that it is known what is to be read."""
    frames = count * FRAMES
    states = np.zeros((frames, 8), np.float32)
    states[:, :3] = rng.uniform(0.2, 0.6, (frames, 3))
    images = rng.integers(0, 255, (frames, 2, 2, 3), dtype=np.uint8)
    images[:, 0, 0] = np.round(250 * states[:, :3])
    starts, lengths = FRAMES * np.arange(count), np.full(count, FRAMES)
    return Episodes(images, states, np.zeros((frames, 7), np.float32), starts, lengths, {})


def encode(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Latents (B, 4, 8) that are the pictures' bytes, some of them twice."""
    flat = images.reshape(len(images), -1).astype(np.float32) / 250
    return np.concatenate([flat, flat, flat[:, :8]], axis=1).reshape(len(images), 4, 8), flat


@pytest.fixture(scope="module")
def taught(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("view") / "bundle"
    shutil.copytree(tiny_bundle, path)
    learn(path, encode, episodes(EPISODES, np.random.default_rng(0)), seed=0)
    return path


def test_places_are_read_and_what_is_usual_passes(taught: Path) -> None:
    view, fresh = View(load_bundle(taught)), episodes(50, np.random.default_rng(1))
    places, odd = view.read(encode(fresh.images)[0])
    errors = places - fresh.states[:, :3]
    assert np.abs(errors).max() < 0.01
    strangeness = view.bounds.strangeness(errors.reshape(50, FRAMES, 3).mean(1))
    assert np.mean(strangeness > view.bounds.place) <= 0.06
    assert np.mean(odd.reshape(50, FRAMES).mean(1) > view.bounds.odd) <= 0.06


def test_pictures_of_another_kind_are_odd(taught: Path) -> None:
    view, fresh = View(load_bundle(taught)), episodes(5, np.random.default_rng(1))
    white = np.full_like(fresh.images, 255)
    assert np.all(view.read(encode(white)[0])[1] > view.bounds.odd)


def test_the_index_and_the_card_say_how_good_it_is(taught: Path) -> None:
    bundle = load_bundle(taught)
    assert bundle.metrics["view"]["held_out"] == EPISODES * HELD_OUT
    assert "## View" in bundle.read("MODEL_CARD.md").decode()


def test_without_it_the_command_is_named(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    assert View.of(bundle) is None
    with pytest.raises(BundleError, match="robot-wm camera --learn"):
        View(bundle)


def test_too_few_episodes_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(TrainingError, match="--episodes 396"):
        calibrate(rng.normal(size=(90, FRAMES, 3)), rng.normal(size=(90, FRAMES)))
