"""The demonstration's animated picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

image_module = pytest.importorskip("PIL.Image")

from ros_nodes.demo_client import Frame  # noqa: E402
from ros_nodes.demo_picture import Recording, write_gif  # noqa: E402


def test_every_frame_is_drawn_though_energies_come_late(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    frames = [
        Frame(np.roll(noise, 10 * index, 0), energy, "reach")
        for index, energy in enumerate((None, 3.0, float("inf"), 1.0))
    ]
    write_gif(
        [Recording("reach", noise, frames, "reached"), Recording("push", noise, [], "missed")], tmp_path / "a.gif", 0.2
    )
    with image_module.open(tmp_path / "a.gif") as picture:
        assert picture.n_frames == len(frames)
        durations = []
        for index in range(picture.n_frames):
            picture.seek(index)
            durations.append(picture.info["duration"])
    assert durations == [200, 200, 200, 1000]
