from collections.abc import Callable

import numpy as np
import pytest

from robot_wm.data import Episode


@pytest.fixture
def make_episode() -> Callable[..., Episode]:
    """Makes episodes of noise with a coloured square, different for each seed."""

    def make(frames: int = 12, seed: int = 0, task: str = "push") -> Episode:
        rng = np.random.default_rng(seed)
        images = rng.integers(90, 130, (frames, 96, 96, 3), dtype=np.uint8)
        images[:, 40:45, 30:35] = (250, 10, seed % 256)
        return Episode(
            images=images,
            states=rng.normal(size=(frames, 8)).astype(np.float32),
            actions=rng.normal(size=(frames, 7)).astype(np.float32),
            stamps=1000.0 + np.arange(frames) * 0.2 + rng.uniform(0, 0.01, frames),
            task=task,
            monitor={
                "block": rng.normal(size=(frames, 3)).astype(np.float32),
                "contact": rng.random(frames) > 0.5,
                "behaviour": rng.integers(0, 3, frames),
            },
        )

    return make


@pytest.fixture
def assert_equal() -> Callable[[Episode, Episode], None]:
    """Asserts that two episodes are equal to the bit."""

    def check(got: Episode, expected: Episode) -> None:
        assert got.task == expected.task
        for name in ("images", "states", "actions", "stamps"):
            np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), strict=True)
        assert set(got.monitor) == set(expected.monitor)
        for name, column in expected.monitor.items():
            np.testing.assert_array_equal(got.monitor[name], column, strict=True)

    return check
