"""What actions do to the end effector: poses integrated along candidate chunks, without any model."""

from __future__ import annotations

import numpy as np


def integrate(state: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Follows end-effector actions from a state.

    Displacements add to the position; the rotation vector of an action turns the hand about the axes of the base
    frame, `R[t+1] = exp(dr) R[t]`; the gripper opening is absolute.

    Args:
        state: (8,) position in metres, unit quaternion (x, y, z, w), gripper opening.
        actions: (C, H, 7).

    Returns:
        States float32 (C, H, 8) after each action.
    """
    candidates, horizon, _ = actions.shape
    states = np.empty((candidates, horizon, 8), dtype=np.float32)
    states[..., :3] = state[:3] + np.cumsum(actions[..., :3], axis=1)
    states[..., 7] = actions[..., 6]
    quaternion = np.broadcast_to(state[3:7] / np.linalg.norm(state[3:7]), (candidates, 4))
    if not np.any(actions[..., 3:6]):
        states[..., 3:7] = quaternion[:, None]
        return states
    turns = quaternion_from_rotation_vector(actions[..., 3:6])
    for step in range(horizon):
        quaternion = multiply_quaternions(turns[:, step], quaternion)
        quaternion = quaternion / np.linalg.norm(quaternion, axis=-1, keepdims=True)
        states[:, step, 3:7] = quaternion
    return states


def quaternion_from_rotation_vector(vector: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4) of rotation vectors (..., 3) in radians; exact down to zero."""
    half = 0.5 * np.linalg.norm(vector, axis=-1, keepdims=True)
    return np.concatenate([0.5 * np.sinc(half / np.pi) * vector, np.cos(half)], axis=-1)


def multiply_quaternions(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Hamilton product (..., 4) of quaternions (x, y, z, w): the rotation `right` followed by `left`."""
    x1, y1, z1, w1 = np.moveaxis(left, -1, 0)
    x2, y2, z2, w2 = np.moveaxis(right, -1, 0)
    return np.stack(
        [
            w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
            w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
            w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
            w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
        ],
        axis=-1,
    )


def stay(state: np.ndarray, horizon: int) -> np.ndarray:
    """Actions float32 (H, 7) that keep the pose and the gripper opening of `state`."""
    actions = np.zeros((horizon, 7), dtype=np.float32)
    actions[:, 6] = state[7]
    return actions


def displacement(state: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The action float32 (7,) that leads from one state (8,) to another; `integrate` undoes it.

    Translation is the difference, rotation the vector of `R_target R_state^T` (at most π long), the gripper the
    target's opening.
    """
    inverse = state[3:7] * np.array([-1.0, -1.0, -1.0, 1.0]) / np.linalg.norm(state[3:7])
    turn = multiply_quaternions(target[3:7] / np.linalg.norm(target[3:7]), inverse)
    turn = turn if turn[3] >= 0 else -turn
    sine = float(np.linalg.norm(turn[:3]))
    angle = 2.0 * np.arctan2(sine, turn[3])
    vector = turn[:3] * (angle / sine if sine > 1e-12 else 2.0)
    return np.concatenate([target[:3] - state[:3], vector, target[7:8]]).astype(np.float32)
