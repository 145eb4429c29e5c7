"""Matched pairs differ in nothing but the violation, are balanced, and are the same for the same seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("pybullet")

from sim.theatre import FRAMES, Theatre
from sim.violations import CATEGORIES, Pair, matched_pairs, possible_clips


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    theatre = Theatre()
    yield theatre
    theatre.close()


@pytest.fixture(scope="module", params=CATEGORIES)
def pairs(request: pytest.FixtureRequest, theatre: Theatre) -> list[Pair]:
    return list(matched_pairs(request.param, 4, 1, theatre))


def test_frames_before_the_violation_are_identical(pairs: list[Pair]) -> None:
    for pair in pairs:
        assert 4 <= pair.violated < FRAMES - 2
        assert np.array_equal(pair.possible[: pair.violated], pair.impossible[: pair.violated])
        assert not np.array_equal(pair.possible[pair.violated], pair.impossible[pair.violated])


def test_a_scene_gives_two_pairs_that_are_not_one(pairs: list[Pair]) -> None:
    assert len(pairs) == 4
    assert not np.array_equal(pairs[0].possible, pairs[1].possible)
    assert not np.array_equal(pairs[0].possible, pairs[2].possible)


@pytest.mark.parametrize("category", [name for name in CATEGORIES if name != "gravity and support"])
def test_every_picture_is_as_often_possible_as_impossible(category: str, theatre: Theatre) -> None:
    pairs = list(matched_pairs(category, 2, 5, theatre))
    possible = Counter(frame.tobytes() for pair in pairs for frame in pair.possible)
    impossible = Counter(frame.tobytes() for pair in pairs for frame in pair.impossible)
    assert possible == impossible


def test_gravity_breaks_once_with_more_and_once_with_less_motion(theatre: Theatre) -> None:
    falls, floats = matched_pairs("gravity and support", 2, 5, theatre)

    def height(frame: np.ndarray, empty: np.ndarray) -> float:
        return float(np.argwhere((frame != empty).any(-1))[:, 0].mean())

    assert height(falls.impossible[-1], falls.possible[0]) > height(falls.possible[-1], falls.possible[0]) + 3
    assert height(floats.impossible[-1], floats.possible[0]) < height(floats.possible[-1], floats.possible[0]) - 3


def test_the_same_seed_gives_the_same_bits(theatre: Theatre) -> None:
    for category in ("solidity", "gravity and support"):
        first = next(matched_pairs(category, 1, 7, theatre))
        other = Theatre()
        again = next(matched_pairs(category, 1, 7, other))
        other.close()
        assert np.array_equal(first.possible, again.possible)
        assert np.array_equal(first.impossible, again.impossible)
        assert not np.array_equal(first.possible, next(matched_pairs(category, 1, 8, theatre)).possible)


def test_possible_clips_are_of_all_kinds(theatre: Theatre) -> None:
    clips = list(possible_clips(len(CATEGORIES) + 1, 0, theatre))
    assert all(clip.shape == (FRAMES, 96, 96, 3) and clip.dtype == np.uint8 for clip in clips)
    assert len({clip.tobytes() for clip in clips}) == len(clips)
