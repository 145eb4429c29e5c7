"""What the drives of a real arm do with a target that is too far for one tick: go no faster than they may."""

from __future__ import annotations

import numpy as np

from sim.world import PHYSICS_HZ, World

ACCELERATION = 5.0
"""At which the joints catch up, rad/s²; below what each of the Panda's joints may (Franka's data sheet: 7.5 … 20)."""


class Drives:
    """Moves the arm's motor targets, no faster than the velocity limits of its URDF.

    A controller of positions knows of no velocity: where its commands come late it asks for what it missed at once. The
    drives of a real arm, and the joint limits of ros2_control, spread that over time; so do these, and count it.

    Attributes:
        limited: Ticks in which a target was farther than the joints may go.
    """

    def __init__(self, world: World) -> None:
        self._world, self._fastest = world, world.robot.limits()[2]
        self._speeds = np.zeros_like(self._fastest)
        self._wanted = world.joint_target
        self._is_behind = False
        self.limited = 0

    def step(self, joints: np.ndarray, gripper: float, dt_s: float) -> None:
        """Simulates `dt_s` on the way to `joints` (7,), radians, and the gripper's opening `gripper`, 0 … 1."""
        speeds = (joints - self._world.joint_target) / dt_s
        if self._is_behind or np.any(np.abs(speeds) > self._fastest):
            self.limited += 1
            self._catch_up(joints, gripper, dt_s)
        else:
            self._speeds = speeds
            self._world.step_joints(joints, gripper, dt_s)
        self._wanted = joints

    def _catch_up(self, joints: np.ndarray, gripper: float, dt_s: float) -> None:
        """Gains on a target that moves, with one acceleration, so that it is met at its own speed."""
        steps = max(1, round(dt_s * PHYSICS_HZ))
        tick_s = dt_s / steps
        gain = ACCELERATION * tick_s
        pace = np.clip((joints - self._wanted) / dt_s, -self._fastest, self._fastest)
        for step in range(1, steps + 1):
            target = joints - pace * tick_s * (steps - step)
            way = target - self._world.joint_target
            braking = np.sqrt(gain**2 + 2 * ACCELERATION * np.abs(way)) - gain
            wanted = np.clip(pace + np.sign(way) * braking, -self._fastest, self._fastest)
            can_meet = np.abs(way / tick_s - self._speeds) <= gain
            self._speeds = np.where(can_meet, way / tick_s, np.clip(wanted, self._speeds - gain, self._speeds + gain))
            self._speeds = np.clip(self._speeds, -self._fastest, self._fastest)
            self._world.step_joints(self._world.joint_target + self._speeds * tick_s, gripper, tick_s)
        self._is_behind = bool(np.any(np.abs(self._world.joint_target - joints) > 1e-9))
