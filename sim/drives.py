"""What the drives of a real arm do with a target that is too far for one tick: go no faster than they may."""

from __future__ import annotations

import numpy as np

from sim.world import PHYSICS_HZ, World

ACCELERATION = np.array([15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0])
"""Of the joints while they catch up, rad/s², by Franka's data sheet: they brake no later than what they are told."""
CATCH_UP = 0.4
"""How much faster than its target a joint goes while it catches up, rad/s: it may meet something on the way."""
BELOW_LIMIT = 0.9
"""Share of its greatest speed that a joint is told at most: motors overshoot that by a little."""
MOST_STRAIN = 0.3
"""Share of a motor's greatest torque that goes into what the arm touches, above which the arm gives way."""


class Drives:
    """Moves the arm's motor targets.

    A controller of positions knows of no velocity: where its commands come late it asks for what it missed at once. The
    drives of a real arm, and the joint limits of ros2_control, spread that over time; so do these, and count it. Where
    the arm is held back, what it wants is where it is: what is pressed against something must not store a way that it
    goes at once when it is let go.

    Attributes:
        limited: Ticks in which a target was farther than the joints may go, or was still being caught up with.
        held_back: Steps of the simulation in which something held the arm back.
    """

    def __init__(self, world: World) -> None:
        self._world, self._fastest = world, BELOW_LIMIT * world.robot.limits()[2]
        self._speeds = np.zeros_like(self._fastest)
        self._wanted = world.joint_target
        self._is_behind, self._strain = False, 0.0
        self.limited = self.held_back = 0

    def step(self, joints: np.ndarray, gripper: float, dt_s: float) -> None:
        """Simulates `dt_s` on the way to `joints` (7,), radians, and the gripper's opening `gripper`, 0 … 1."""
        steps = max(1, round(dt_s * PHYSICS_HZ))
        tick_s = dt_s / steps
        pace = np.clip((joints - self._wanted) / dt_s, -self._fastest, self._fastest)
        self._is_behind |= bool(np.any(np.abs(joints - self._world.joint_target) / dt_s > self._fastest))
        self.limited += self._is_behind
        for left in range(steps, 0, -1):
            way = joints - self._world.joint_target
            if self._is_behind:
                self._speeds = self._catching_up(way - pace * tick_s * (left - 1), pace, tick_s)
            else:
                self._speeds = way / (left * tick_s)
            before = self._world.robot.motion()
            if self._strain > MOST_STRAIN:
                self._give_way(gripper, tick_s)
            else:
                self._world.step_joints(self._world.joint_target + self._speeds * tick_s, gripper, tick_s)
            self._strain = self._world.robot.strain(before, tick_s)
        self._is_behind = bool(np.any(np.abs(self._world.joint_target - joints) > 1e-9))
        self._wanted = joints

    def _give_way(self, gripper: float, tick_s: float) -> None:
        self.held_back += 1
        self._is_behind, self._speeds = True, np.zeros_like(self._speeds)
        self._world.step_joints(self._world.joint_positions(), gripper, tick_s)

    def _catching_up(self, way: np.ndarray, pace: np.ndarray, tick_s: float) -> np.ndarray:
        """Speeds that gain on a target which moves at a pace, on a straight way, so that it is met at its own speed."""
        gain, lead = ACCELERATION * tick_s, way - pace * tick_s
        closing = 2 * ACCELERATION / (np.sqrt(gain**2 + 2 * ACCELERATION * np.abs(lead)) + gain)
        share = min(float(closing.min()), CATCH_UP / max(float(np.abs(lead).max()), 1e-12))
        change = pace + share * lead - self._speeds
        speeds = self._speeds + change / max(1.0, float(np.max(np.abs(change) / gain)))
        to_meet = way / tick_s
        can_meet = np.all((np.abs(to_meet - self._speeds) <= gain) & (np.abs(to_meet - pace) <= CATCH_UP))
        return np.clip(to_meet if can_meet else speeds, -self._fastest, self._fastest)
