"""Random looks keep what belongs together together."""

from __future__ import annotations

import numpy as np

from robot_wm.training.augmentation import Augmentation


def test_all_frames_of_a_row_get_one_look() -> None:
    picture = np.random.default_rng(0).integers(0, 200, (3, 1, 12, 12, 3), dtype=np.uint8)
    looks = Augmentation(shift=2, tint=0.2)(picture.repeat(4, axis=1), np.random.default_rng(1))
    assert np.array_equal(looks, looks[:, :1].repeat(4, axis=1))
    assert not np.array_equal(looks[0], looks[1])


def test_no_range_changes_nothing() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 3, 12, 12, 3), dtype=np.uint8)
    assert np.array_equal(Augmentation(shift=0, tint=0.0)(pictures, np.random.default_rng(1)), pictures)


def test_a_shift_moves_the_picture_and_repeats_the_border() -> None:
    picture = np.zeros((1, 1, 12, 12, 3), dtype=np.uint8)
    picture[:, :, 6, 6] = 255
    for seed in range(20):
        rows, columns = np.nonzero(Augmentation(shift=3, tint=0.0)(picture, np.random.default_rng(seed))[0, 0, ..., 0])
        assert len(rows) == 1
        assert abs(rows[0] - 6) <= 3
        assert abs(columns[0] - 6) <= 3


def test_a_tint_stays_within_its_range_and_within_a_byte() -> None:
    pictures = np.full((8, 1, 12, 12, 3), 250, dtype=np.uint8)
    looks = Augmentation(shift=0, tint=0.1)(pictures, np.random.default_rng(0))
    assert looks.min() >= 225
    assert looks.max() == 255
