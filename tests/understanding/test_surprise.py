"""Surprise is there where what is seen is not what was expected, and nowhere else."""

import numpy as np
import pytest

from robot_wm.understanding.surprise import clip_surprise, pairwise_accuracy, surprise_over_time

WINDOW = 6


def stays(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expects that everything stays as it is."""
    return tokens, tokens


def expects_what_it_saw_first(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expects that everything is as it was in the window's first frame."""
    return tokens, np.broadcast_to(tokens[:, :1], tokens.shape)


def test_only_the_change_surprises() -> None:
    tokens = np.zeros((2, 10, 3, 4), np.float32)
    tokens[1, 5:] = 2.0
    over_time = surprise_over_time(stays, tokens, WINDOW, stride=2)
    assert over_time.shape == (2, 10)
    assert np.isnan(over_time[:, :2]).all() and np.isfinite(over_time[:, 2:]).all()
    assert (over_time[0, 2:] == 0).all()
    assert over_time[1, 5] == pytest.approx(2.0)
    assert (over_time[1, [2, 3, 4, 6, 7, 8, 9]] == 0).all()
    assert clip_surprise(over_time)[0] < clip_surprise(over_time)[1]


def test_one_great_error_surprises_more_than_many_small_ones() -> None:
    tokens = np.zeros((2, WINDOW, 4, 1), np.float32)
    tokens[0, 3:, 0] = 1.0
    tokens[1, 3:] = 0.25
    one, many = clip_surprise(surprise_over_time(stays, tokens, WINDOW))
    assert one == pytest.approx(many * 4 ** (3 / 4))


def test_what_one_window_foresees_does_not_surprise() -> None:
    tokens = np.zeros((1, 10, 1, 1), np.float32)
    tokens[0, 4:] = 1.0
    over_time = surprise_over_time(expects_what_it_saw_first, tokens, WINDOW, stride=4)
    assert over_time[0, 4:6] == pytest.approx(1.0) and (over_time[0, 6:] == 0).all()


def test_every_frame_of_the_last_window_counts() -> None:
    tokens = np.zeros((1, 10, 1, 1), np.float32)
    tokens[0, 9] = 1.0
    assert surprise_over_time(stays, tokens, WINDOW, stride=4)[0, 9] == pytest.approx(1.0)


def test_a_tie_counts_half() -> None:
    assert pairwise_accuracy(np.array([1.0, 1.0, 1.0, 2.0]), np.array([2.0, 1.0, 0.5, 3.0])) == pytest.approx(0.625)
