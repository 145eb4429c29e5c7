"""The pose that a person wants the tool to have, moved no faster and no further than allowed; no ROS in here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robot_wm.actions import multiply_quaternions, quaternion_from_rotation_vector
from robot_wm.kinematics import interpolate_pose, pose_change

_AXES = "xyz"
_WHOLE = 1e-6
_RAMP_S, _FIRST_SHARE = 0.4, 0.5
"""After a pause the reference comes up to speed in this time, from this share of it.

The arm's acceleration is limited: it would make up at a higher speed for what it fell behind a leap.
"""
_GAIN = (1.0 - _FIRST_SHARE) / _RAMP_S
"""Share of the speed that it gains in a second."""
_LEASH_S, _LEAST_M_S, _LEAST_RAD_S = 0.2, 0.05, 0.5
"""The leash is as long as the way at the speed limit in this time, or at these speeds where the limit is lower."""


@dataclass(frozen=True)
class TeleopLimits:
    """How a person may move the tool.

    Attributes:
        linear_speed: m/s.
        angular_speed: rad/s; 0 keeps the rotation.
        max_jump_m: Farthest from the tool that a wanted pose may be when the dead-man switch is pressed, metres.
        max_jump_rad: The same for its rotation, radians.
        low: Lowest position (3,) of the tool, metres.
        high: Highest position (3,).
    """

    linear_speed: float = 0.15
    angular_speed: float = 0.5
    max_jump_m: float = 0.1
    max_jump_rad: float = 0.5
    low: tuple[float, ...] = (-np.inf,) * 3
    high: tuple[float, ...] = (np.inf,) * 3

    @property
    def leash_m(self) -> float:
        """Farthest that the reference may run ahead of the tool, metres."""
        return _LEASH_S * max(self.linear_speed, _LEAST_M_S)

    @property
    def leash_rad(self) -> float:
        """The same for its rotation, radians."""
        return _LEASH_S * max(self.angular_speed, _LEAST_RAD_S)


@dataclass(frozen=True)
class Motion:
    """What a person wants: a pose (7,) to go to, or shares −1 … 1 of the speeds (6,), about the axes of the base."""

    pose: np.ndarray | None = None
    shares: np.ndarray | None = None


class Reference:
    """Moves from where the tool was towards what the person wants.

    Attributes:
        pose: Where it is (7,).
        limited: What keeps it from going on, empty where nothing does.
    """

    def __init__(self, pose: np.ndarray, limits: TeleopLimits) -> None:
        self.pose, self.limits, self.limited = np.array(pose, dtype=float), limits, ""
        self._share = _FIRST_SHARE

    def advance(self, motion: Motion, time_s: float, tool: np.ndarray) -> None:
        """Moves on for a time; `tool` (7,) is where the arm really is, of which the reference stays within a leash."""
        before = self.pose
        self.pose, self.limited = self._moved(motion, self._at_speed_s(time_s))
        if time_s > 0.0:
            rests = np.allclose(self.pose, before, rtol=0.0, atol=_WHOLE)
            self._share = _FIRST_SHARE if rests else min(1.0, self._share + _GAIN * time_s)
        change = pose_change(tool, self.pose)
        ahead_m, ahead_rad = float(np.linalg.norm(change[:3])), float(np.linalg.norm(change[3:]))
        excess = max(ahead_m / self.limits.leash_m, ahead_rad / self.limits.leash_rad)
        if excess > 1.0:
            self.pose = interpolate_pose(tool, self.pose, 1.0 / excess)
            self.limited = self.limited or "the arm does not get any further: something is in its way, or it is slow"

    def ahead(self, motion: Motion, times_s: np.ndarray) -> np.ndarray:
        """Where it will be after each time (K,) if the person goes on wanting the same: poses (K, 7)."""
        return np.array([self._moved(motion, self._at_speed_s(float(time_s)))[0] for time_s in times_s])

    def _at_speed_s(self, time_s: float) -> float:
        """How long the way of a time takes at full speed, less than that time while coming up to speed."""
        slow_s = min(time_s, (1.0 - self._share) / _GAIN)
        return self._share * slow_s + _GAIN * slow_s**2 / 2 + time_s - slow_s

    def _moved(self, motion: Motion, time_s: float) -> tuple[np.ndarray, str]:
        moved = self.pose
        if motion.pose is not None:
            moved = self._towards(motion.pose, time_s)
        elif motion.shares is not None:
            moved = self._along(motion.shares, time_s)
        return self._inside(moved)

    def _towards(self, target: np.ndarray, time_s: float) -> np.ndarray:
        limits, change = self.limits, pose_change(self.pose, target)
        if limits.angular_speed == 0.0:
            target, change = np.append(target[:3], self.pose[3:]), np.append(change[:3], np.zeros(3))
        needed_s = float(np.linalg.norm(change[:3])) / limits.linear_speed
        if limits.angular_speed > 0.0:
            needed_s = max(needed_s, float(np.linalg.norm(change[3:])) / limits.angular_speed)
        return target if needed_s <= time_s else interpolate_pose(self.pose, target, time_s / needed_s)

    def _along(self, shares: np.ndarray, time_s: float) -> np.ndarray:
        linear = _at_most_one(shares[:3]) * self.limits.linear_speed
        angular = _at_most_one(shares[3:]) * self.limits.angular_speed
        turn = quaternion_from_rotation_vector(angular * time_s)
        rotation = multiply_quaternions(turn, self.pose[3:])
        return np.concatenate([self.pose[:3] + linear * time_s, rotation / np.linalg.norm(rotation)])

    def _inside(self, pose: np.ndarray) -> tuple[np.ndarray, str]:
        """Stops each axis at the workspace; from outside it may only be left inwards."""
        low, high = np.minimum(self.limits.low, self.pose[:3]), np.maximum(self.limits.high, self.pose[:3])
        position = np.clip(pose[:3], low, high)
        held = [axis for axis, a, b in zip(_AXES, pose[:3], position, strict=True) if abs(a - b) > _WHOLE]
        limited = f"{', '.join(held)} is at the limit of the workspace" if held else ""
        return np.append(position, pose[3:]), limited


def _at_most_one(vector: np.ndarray) -> np.ndarray:
    return vector / max(1.0, float(np.linalg.norm(vector)))
