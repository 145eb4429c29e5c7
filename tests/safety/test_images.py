"""Pictures that show nothing, and cameras that repeat themselves."""

from __future__ import annotations

import numpy as np
import pytest

from robot_wm.errors import ObservationError
from robot_wm.safety.images import FrozenView, require_view


@pytest.mark.parametrize("value", [0, 255, 117])
def test_a_picture_of_one_colour_is_refused(value: int) -> None:
    with pytest.raises(ObservationError, match=f"camera: the picture is of one colour, .{value}"):
        require_view(np.full((8, 8, 3), value, dtype=np.uint8), "camera")


def test_a_picture_with_something_in_it_passes(image: np.ndarray) -> None:
    assert require_view(image, "camera") is image


def test_a_frozen_camera_is_noticed_when_the_tool_has_moved() -> None:
    view, still = FrozenView(moved_m=0.02), np.ones((4, 8))
    assert not view.look(still, np.zeros(3)) and not view.look(still, np.array([0.0, 0.0, 0.019]))
    assert "moved 0.030 m" in view.look(still, np.array([0.0, 0.0, 0.03]))
    assert not view.look(still + 1e-6, np.array([0.0, 0.0, 0.03]))
    assert not view.look(still + 1e-6, np.array([0.0, 0.0, 0.04]))
