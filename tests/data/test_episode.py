import dataclasses

import numpy as np
import pytest

from robot_wm.contract import TABLETOP
from robot_wm.data import Episode
from robot_wm.errors import DatasetError


def with_nan(array):
    array = array.copy()
    array[3] = np.nan
    return array


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("images", lambda a: a.astype(np.float32), "images is float32 .* expected uint8"),
        ("images", lambda a: a[..., 0], r"expected \(T, height, width, 3\)"),
        ("images", lambda a: a[:0], "no frames"),
        ("states", lambda a: a[:, :7], r"states is float32 \(12, 7\), expected float32 \(12, 8\)"),
        ("states", with_nan, "states is not finite at frame 3"),
        ("actions", lambda a: a.astype(np.float64), "actions is float64"),
        ("actions", with_nan, "actions is not finite at frame 3"),
        ("stamps", lambda a: a[:5], "stamps is float64"),
        ("stamps", lambda a: a[::-1].copy(), "stamps do not increase at frame 1"),
        ("task", lambda a: "", "task is empty"),
        ("monitor", lambda a: {"block": a["block"][:4]}, r"monitor 'block' is float32 \(4, 3\)"),
        ("monitor", lambda a: {"name": np.array(["a"] * 12)}, "monitor 'name' is"),
    ],
)
def test_wrong_arrays_are_refused(make_episode, name, change, message):
    episode = make_episode()
    with pytest.raises(DatasetError, match=message):
        dataclasses.replace(episode, **{name: change(getattr(episode, name))})


def test_images_must_have_the_size_of_the_contract(make_episode):
    episode = make_episode()
    assert episode.check(TABLETOP) is episode
    small = dataclasses.replace(episode, images=episode.images[:, :64, :64].copy())
    assert isinstance(small, Episode)
    with pytest.raises(DatasetError, match="resize them first"):
        small.check(TABLETOP)
