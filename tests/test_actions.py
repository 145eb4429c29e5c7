"""Integration of end-effector actions, against scipy's rotations."""

from __future__ import annotations

import numpy as np
import pytest

from robot_wm.actions import integrate, quaternion_from_rotation_vector, stay

Rotation = pytest.importorskip("scipy.spatial.transform").Rotation


def test_positions_add_up_and_the_gripper_is_absolute(state: np.ndarray) -> None:
    actions = np.zeros((2, 3, 7), dtype=np.float32)
    actions[1, :, 0], actions[1, :, 6] = 0.01, (0.1, 0.2, 0.3)
    states = integrate(state, actions)
    assert states.shape == (2, 3, 8) and states.dtype == np.float32
    np.testing.assert_allclose(states[1, :, 0], state[0] + np.array([0.01, 0.02, 0.03]), atol=1e-6)
    np.testing.assert_allclose(states[1, :, 7], [0.1, 0.2, 0.3], atol=1e-6)
    np.testing.assert_allclose(states[:, :, 3:7], np.broadcast_to(state[3:7], (2, 3, 4)))


def test_rotations_compose_in_the_base_frame(state: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    actions = np.zeros((4, 5, 7), dtype=np.float32)
    actions[..., 3:6] = rng.normal(scale=0.5, size=(4, 5, 3))
    state[3:7] = Rotation.random(rng=1).as_quat()
    states = integrate(state, actions)
    for candidate in range(4):
        rotation = Rotation.from_quat(state[3:7])
        for step in range(5):
            rotation = Rotation.from_rotvec(actions[candidate, step, 3:6]) * rotation
            error = (rotation * Rotation.from_quat(states[candidate, step, 3:7]).inv()).magnitude()
            assert error < 1e-5
    np.testing.assert_allclose(np.linalg.norm(states[..., 3:7], axis=-1), 1.0, atol=1e-6)


def test_tiny_rotations_are_exact() -> None:
    vectors = np.array([[0.0, 0.0, 0.0], [1e-12, 0.0, 0.0], [0.0, np.pi, 0.0]])
    np.testing.assert_allclose(
        quaternion_from_rotation_vector(vectors), Rotation.from_rotvec(vectors).as_quat(), atol=1e-15
    )


def test_staying_changes_nothing(state: np.ndarray) -> None:
    state[7] = 0.7
    np.testing.assert_array_equal(integrate(state, stay(state, 4)[None])[0], np.tile(state, (4, 1)))
