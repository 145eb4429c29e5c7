"""What the drives of a real arm do with a target that is too far for one tick: go no faster than they may."""

from __future__ import annotations

import numpy as np

from sim.world import World


class Drives:
    """Moves the arm's motor targets, no faster than the velocity limits of its URDF.

    A controller of positions knows of no velocity: where its commands come late it asks for what it missed at once. The
    drives of a real arm, and the joint limits of ros2_control, spread that over time; so do these, and count it.

    Attributes:
        limited: Ticks in which a target was farther than the joints may go.
    """

    def __init__(self, world: World) -> None:
        self._world, self._fastest = world, world.robot.limits()[2]
        self.limited = 0

    def step(self, joints: np.ndarray, gripper: float, dt_s: float) -> None:
        """Simulates `dt_s` on the way to `joints` (7,), radians, and the gripper's opening `gripper`, 0 … 1."""
        before, reach = self._world.joint_target, dt_s * self._fastest
        target = np.clip(joints, before - reach, before + reach)
        self.limited += bool(np.any(target != joints))
        self._world.step_joints(target, gripper, dt_s)
