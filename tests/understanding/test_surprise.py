"""Surprise is there where what is seen is not what was expected, and nowhere else."""

import numpy as np
import pytest

from robot_wm.understanding.surprise import DOUBT, clip_surprise, pairwise_accuracy, surprise_over_time

WINDOW, HORIZONS = 6, (1, 2)


def stays(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expects that everything stays as it is, to within 1."""
    expected = np.repeat(tokens[:, :, None], len(HORIZONS), axis=2)
    return tokens, expected, np.ones(expected.shape[:-1], np.float32)


def doubts_the_first_place(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expects the same, but trusts the first place four times less than the others."""
    target, expected, spread = stays(tokens)
    spread[..., 0] = 4.0
    return target, expected, spread


def test_only_the_change_surprises() -> None:
    tokens = np.zeros((2, 10, 3, 4), np.float32)
    tokens[1, 5:] = 2.0
    over_time = surprise_over_time(stays, tokens, WINDOW, HORIZONS, stride=2)
    assert over_time.shape == (2, 10)
    assert np.isnan(over_time[:, :2]).all() and np.isfinite(over_time[:, 2:]).all()
    assert (over_time[0, 2:] == 0).all()
    assert over_time[1, 5] == pytest.approx(2.0)
    assert 0 < over_time[1, 6] < 2.0
    assert (over_time[1, [2, 3, 4, 7, 8, 9]] == 0).all()
    assert clip_surprise(over_time)[0] < clip_surprise(over_time)[1]


def test_a_change_where_changes_are_expected_surprises_less() -> None:
    tokens = np.zeros((2, 10, 2, 3), np.float32)
    tokens[0, 5:, 0] = 2.0
    tokens[1, 5:, 1] = 2.0
    over_time = surprise_over_time(doubts_the_first_place, tokens, WINDOW, HORIZONS, stride=2)
    doubted, trusted = clip_surprise(over_time)
    assert trusted == pytest.approx(4**DOUBT * doubted)


def test_every_frame_of_the_last_window_counts() -> None:
    tokens = np.zeros((1, 10, 1, 1), np.float32)
    tokens[0, 9] = 1.0
    assert surprise_over_time(stays, tokens, WINDOW, HORIZONS, stride=4)[0, 9] == pytest.approx(1.0)


def test_a_tie_counts_half() -> None:
    assert pairwise_accuracy(np.array([1.0, 1.0, 1.0, 2.0]), np.array([2.0, 1.0, 0.5, 3.0])) == pytest.approx(0.625)
