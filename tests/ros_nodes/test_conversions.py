"""Messages to arrays and back; what does not fit is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

import ros_nodes  # noqa: F401  (supplies the message packages where ROS is not installed)

pytest.importorskip("sensor_msgs.msg")

from builtin_interfaces.msg import Time
from sensor_msgs.msg import JointState

from robot_wm.contract import TABLETOP
from robot_wm.errors import ObservationError
from ros_nodes.conversions import (
    MessageError,
    Plan,
    array_to_image,
    duration,
    image_to_array,
    image_to_latent,
    joints_from,
    latent_to_image,
    message_to_plan,
    plan_to_message,
    seconds,
)

STAMP = Time(sec=12, nanosec=500_000_000)


def test_image_round_trip_with_padded_rows(image: np.ndarray) -> None:
    message = array_to_image(image, STAMP, "camera")
    np.testing.assert_array_equal(image_to_array(message, TABLETOP.camera, "camera/image_raw"), image)
    padded = np.zeros((96, 300), np.uint8)
    padded[:, :288] = image.reshape(96, 288)
    message.step, message.data = 300, padded.tobytes()
    np.testing.assert_array_equal(image_to_array(message, TABLETOP.camera, "camera/image_raw"), image)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"encoding": "bgr8"}, "'bgr8'.*'rgb8'"), ({"height": 48}, "96x48"), ({"step": 100}, "do not hold")],
)
def test_image_that_does_not_fit_is_refused(image: np.ndarray, change: dict, words: str) -> None:
    message = array_to_image(image, STAMP, "camera")
    for name, value in change.items():
        setattr(message, name, value)
    with pytest.raises(ObservationError, match=f"camera/image_raw.*{words}"):
        image_to_array(message, TABLETOP.camera, "camera/image_raw")


def test_latent_round_trip_and_refusals() -> None:
    latent = np.random.default_rng(0).normal(size=(16, 32)).astype(np.float32)
    message = latent_to_image(latent, STAMP, "camera")
    assert (message.encoding, message.height, message.width) == ("32FC1", 16, 32)
    np.testing.assert_array_equal(image_to_latent(message, (16, 32), "perception/latents"), latent)
    with pytest.raises(ObservationError, match="same bundle"):
        image_to_latent(message, (8, 32), "perception/latents")
    latent[3, 3] = np.nan
    with pytest.raises(ObservationError, match="not finite"):
        image_to_latent(latent_to_image(latent, STAMP, "camera"), (16, 32), "perception/latents")


def test_plan_round_trip_and_refusals() -> None:
    poses = np.tile([0.4, 0.1, 0.2, 1.0, 0.0, 0.0, 0.0], (3, 1))
    plan = Plan(12.5, np.array([0.2, 0.4, 0.6]), poses, np.array([0.0, 0.5, 1.0]))
    message = plan_to_message(plan, STAMP, "base", "tool")
    read = message_to_plan(message, "base", "tool", "planner/plan")
    assert read.stamp_s == 12.5
    np.testing.assert_allclose(read.times_s, plan.times_s)
    np.testing.assert_allclose(read.poses, plan.poses)
    np.testing.assert_allclose(read.openings, plan.openings)
    with pytest.raises(MessageError, match="in 'map'"):
        message_to_plan(message, "map", "tool", "planner/plan")
    message.points[1].transforms[0].translation.x = float("nan")
    with pytest.raises(MessageError, match="not finite"):
        message_to_plan(message, "base", "tool", "planner/plan")


def test_empty_plan_means_stop() -> None:
    nothing = Plan(1.0, np.empty(0), np.empty((0, 7)), np.empty(0))
    read = message_to_plan(plan_to_message(nothing, STAMP, "base", "tool"), "base", "tool", "planner/plan")
    assert len(read.times_s) == 0 and read.poses.shape == (0, 7)


def test_joints_are_picked_by_name() -> None:
    message = JointState(name=["c", "a", "b"], position=[3.0, 1.0, 2.0])
    np.testing.assert_array_equal(joints_from(message, ("a", "b"), "joint_states"), [1.0, 2.0])
    with pytest.raises(MessageError, match=r"joint_states: no position of \['d'\]"):
        joints_from(message, ("a", "d"), "joint_states")


def test_durations_survive() -> None:
    assert seconds(duration(1.0 - 1e-10)) == 1.0
    assert seconds(duration(0.2)) == pytest.approx(0.2)
