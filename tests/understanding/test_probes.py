"""Probes read what is there, not what is not, and never fit what they are measured on."""

from __future__ import annotations

import numpy as np
import pytest

from robot_wm.errors import DatasetError
from robot_wm.understanding.episodes import Episodes
from robot_wm.understanding.features import PixelFeatures, encode_all
from robot_wm.understanding.probes import Question, linear_probe
from robot_wm.understanding.questions import AROUND, questions

ROWS = 600


def question(kind: str, answers: np.ndarray, frames: int = 1) -> Question:
    clips = np.arange(ROWS)[:, None].repeat(frames, axis=1)
    return Question("test", kind, clips, answers, np.arange(ROWS) >= 450)  # type: ignore[arg-type]


def test_a_linear_probe_reads_what_is_linear_and_nothing_from_noise() -> None:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(ROWS, 4, 5)).astype(np.float32)
    answers = latents.reshape(ROWS, -1) @ rng.normal(size=(20, 2)) + 3.0
    assert linear_probe(question("position", answers), latents) > 0.99
    assert linear_probe(question("position", answers), rng.normal(size=latents.shape).astype(np.float32)) < 0.1
    classes = (latents[:, 0, 0] > 0).astype(np.int64)
    asked = question("class", classes, frames=3)
    assert linear_probe(asked, latents) > 0.9
    assert asked.commonest == pytest.approx(max(classes[450:].mean(), 1 - classes[450:].mean()), abs=0.1)


def test_an_attentive_probe_finds_where_something_is() -> None:
    pytest.importorskip("torch")
    from robot_wm.training.config import Schedule
    from robot_wm.understanding.attentive_probe import attentive_probe

    rng = np.random.default_rng(0)
    place = rng.integers(9, size=ROWS)
    tokens = rng.normal(0, 0.2, (ROWS, 9, 6)).astype(np.float16)
    tokens[np.arange(ROWS), place] += np.float16(1.0)
    schedule = Schedule(steps=200, batch=64, rate=5e-3, warmup=10)
    position = np.stack([place % 3, place // 3], axis=1).astype(np.float32)
    assert attentive_probe(question("position", position), tokens, schedule, seed=0) > 0.9
    assert attentive_probe(question("class", place // 3, frames=2), tokens, schedule, seed=0) > 0.9


@pytest.fixture
def episodes() -> Episodes:
    count, length = 5, 20
    behaviour = np.tile(np.repeat([0, 1], length // 2), count)
    return Episodes(
        np.zeros((count * length, 4, 4, 3), np.uint8),
        np.zeros((count * length, 8), np.float32),
        np.zeros((count * length, 7), np.float32),
        np.arange(count) * length,
        np.full(count, length),
        {"block": np.zeros((count * length, 3)), "contact": behaviour == 1, "behaviour": behaviour},
    )


def test_no_frame_is_both_seen_and_held_out(episodes: Episodes) -> None:
    for asked in questions(episodes, 0.2):
        seen, unseen = asked.clips[~asked.held_out], asked.clips[asked.held_out]
        assert len(unseen) and not np.intersect1d(seen, unseen).size
        assert set(episodes.episode[unseen].ravel()) == {4}


def test_clips_stay_in_their_episode_and_in_one_behaviour(episodes: Episodes) -> None:
    contact, behaviour = questions(episodes, 0.2)[2:]
    assert contact.clips.shape == (5 * (20 - 2 * AROUND), 2 * AROUND + 1)
    assert all(len(set(row)) == 1 for row in episodes.episode[contact.clips])
    assert np.array_equal(contact.answers, episodes.monitor["contact"][contact.clips[:, AROUND]])
    assert all(len(set(row)) == 1 for row in episodes.monitor["behaviour"][behaviour.clips])
    assert len(behaviour.clips) < len(contact.clips)


def test_missing_columns_are_named(episodes: Episodes) -> None:
    del episodes.monitor["contact"]  # type: ignore[attr-defined]
    with pytest.raises(DatasetError, match="contact"):
        questions(episodes, 0.2)


def test_components_of_pixels_explain_the_pictures_they_were_fitted_to() -> None:
    rng = np.random.default_rng(0)
    patterns = rng.uniform(0, 80, (3, 8, 8, 3))
    images = np.einsum("mk,khwc->mhwc", rng.uniform(0, 1, (40, 3)), patterns).astype(np.uint8)
    features = PixelFeatures.fit(images, latent=3, tokens=4, width=5)
    latents, tokens = features(images)
    assert latents.shape == (40, 1, 3) and tokens.shape == (40, 4, 5)
    mean, components = features.whole
    rebuilt = latents[:, 0] @ components.T + mean
    assert np.abs(rebuilt * 255 - images.reshape(40, -1)).max() < 3.0


def test_equal_pictures_are_encoded_once_and_every_place_gets_its_own() -> None:
    calls: list[int] = []

    def encode(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        calls.append(len(images))
        value = images[:, 0, 0, :1].astype(np.float32)
        return value[:, None], value[:, None].repeat(2, axis=1)

    images = np.zeros((2, 3, 4, 4, 3), np.uint8)
    images[1, 2] = 7
    images[0, 1] = 9
    latents, tokens = encode_all(encode, images)
    assert sum(calls) == 3
    assert latents.shape == (2, 3, 1, 1) and tokens.shape == (2, 3, 2, 1)
    assert latents[..., 0, 0].tolist() == [[0, 9, 0], [0, 0, 7]]
