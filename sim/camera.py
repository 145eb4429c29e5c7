"""Pin-hole cameras of the simulated scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.bullet import pybullet

NEAR_M, FAR_M = 0.02, 4.0


@dataclass(frozen=True)
class PinholeCamera:
    """A camera given by where it stands and looks, in the base frame (metres), and its vertical field of view."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    field_of_view_deg: float
    shadows: bool = False

    def view_matrix(self, offset: np.ndarray, rotation: np.ndarray) -> np.ndarray:
        """The OpenGL view matrix (4, 4) of the camera moved by `offset` and turned by a rotation vector, both (3,)."""
        eye = np.array(self.eye) + offset
        target = np.array(self.target) + offset
        view = np.array(pybullet.computeViewMatrix(eye, target, [0.0, 0.0, 1.0])).reshape(4, 4).T
        turn = np.eye(4)
        turn[:3, :3] = np.array(pybullet.getMatrixFromQuaternion(_quaternion(rotation))).reshape(3, 3)
        return turn @ view

    def intrinsics(self, height: int, width: int) -> np.ndarray:
        """The matrix K (3, 3) of a `height` × `width` image, in pixels."""
        focal = 0.5 * height / np.tan(np.radians(self.field_of_view_deg) / 2)
        return np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])


CAMERAS = {
    "camera": PinholeCamera((1.02, 0.22, 0.74), (0.46, 0.0, 0.10), 44.0),
    "overview": PinholeCamera((1.35, 0.75, 0.80), (0.28, 0.0, 0.30), 46.0, shadows=True),
}
WRIST_FIELD_OF_VIEW_DEG = 70.0
WRIST_EYE = (0.07, 0.0, 0.0)
"""Where the wrist camera sits in the hand's frame, metres; it looks along the fingers."""


def wrist_camera(hand_position: np.ndarray, hand_rotation: np.ndarray) -> PinholeCamera:
    """The wrist camera for a hand at `hand_position` (3,) with rotation matrix `hand_rotation` (3, 3)."""
    eye = hand_position + hand_rotation @ np.array(WRIST_EYE)
    target = hand_position + hand_rotation @ np.array([0.02, 0.0, 0.2])
    return PinholeCamera(tuple(eye), tuple(target), WRIST_FIELD_OF_VIEW_DEG)


def _quaternion(rotation: np.ndarray) -> tuple[float, float, float, float]:
    angle = float(np.linalg.norm(rotation))
    if angle == 0.0:
        return 0.0, 0.0, 0.0, 1.0
    x, y, z = rotation / angle * np.sin(angle / 2)
    return float(x), float(y), float(z), float(np.cos(angle / 2))
