"""The cabinet with a drawer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sim.bullet import BulletClient, pybullet
from sim.randomization import Rgb

URDF = Path(__file__).parent / "assets" / "drawer.urdf"
TRAVEL_M = 0.12
HANDLE_OFFSET_M = 0.07
"""How far the handle of a closed drawer stands from the middle of the cabinet."""
HANDLE_HEIGHT_M = 0.073
"""Height of its middle above the table."""
_CABINET, _TRAY, _HANDLE = -1, 0, 1
_HANDLE_COLOUR = (0.95, 0.80, 0.15)


class Drawer:
    """A cabinet that stands fast, with a drawer that slides with dry friction and nothing else.

    Attributes:
        body: PyBullet's number of it.
        handle: PyBullet's number of the handle's link.
    """

    def __init__(self, bullet: BulletClient) -> None:
        self._bullet = bullet
        self.body = bullet.loadURDF(str(URDF), useFixedBase=True)
        self.handle = _HANDLE
        self.place(np.array([0.5, 0.18]), -np.pi / 2)

    def prepare(self, colour: Rgb, friction_n: float) -> None:
        """Paints it, and sets the force that the drawer resists with, newtons."""
        tray = [0.5 + 0.5 * channel for channel in colour]
        for link, shade in ((_CABINET, colour), (_TRAY, tray), (_HANDLE, _HANDLE_COLOUR)):
            self._bullet.changeVisualShape(self.body, link, rgbaColor=(*shade, 1.0))
        self._bullet.setJointMotorControl2(
            self.body, _TRAY, pybullet.VELOCITY_CONTROL, targetVelocity=0.0, force=friction_n
        )

    def place(self, position: np.ndarray, yaw: float) -> None:
        """Puts the cabinet's middle at `position` (2,) on the table, metres, so that it opens towards `yaw`."""
        quaternion = self._bullet.getQuaternionFromEuler([0.0, 0.0, yaw])
        self._bullet.resetBasePositionAndOrientation(self.body, [*position, 0.0], quaternion)
        self._middle, self._way = np.array([*position, HANDLE_HEIGHT_M]), np.array([np.cos(yaw), np.sin(yaw), 0.0])

    def open_to(self, opening: float) -> None:
        """Sets the opening, metres, at rest, with no motion in between."""
        self._bullet.resetJointState(self.body, _TRAY, opening)

    def opening(self) -> float:
        """How far it is open, metres."""
        return float(self._bullet.getJointState(self.body, _TRAY)[0])

    def handle_position(self, opening: float | None = None) -> np.ndarray:
        """Middle of the handle (3,), metres: where it is, or where it would be at another opening."""
        return self._middle + (HANDLE_OFFSET_M + (self.opening() if opening is None else opening)) * self._way
