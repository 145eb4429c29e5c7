"""Joint motion within velocity, acceleration and jerk limits, one tick at a time, by ruckig."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from ruckig import ControlInterface, InputParameter, Result, Ruckig, Synchronization, Trajectory

from robot_wm.errors import RobotWmError


class MotionError(RobotWmError):
    """A motion that cannot be made within the limits, or limits that make no sense."""


@dataclass(frozen=True)
class MotionLimits:
    """What each joint may do at most; every array is (n,), radians (or metres) and seconds."""

    velocity: np.ndarray
    acceleration: np.ndarray
    jerk: np.ndarray

    def __post_init__(self) -> None:
        limits = (self.velocity, self.acceleration, self.jerk)
        if len({np.shape(limit) for limit in limits}) != 1:
            raise MotionError(f"motion limits have shapes {[np.shape(limit) for limit in limits]}; one number a joint")
        if not np.all(np.isfinite(limits)) or np.any(np.array(limits) <= 0):
            raise MotionError("velocity, acceleration and jerk limits must be positive and finite")


@dataclass(frozen=True)
class Motion:
    """Commanded position, velocity and acceleration of the joints, each (n,)."""

    position: np.ndarray
    velocity: np.ndarray
    acceleration: np.ndarray

    @classmethod
    def at_rest(cls, position: np.ndarray) -> Motion:
        """Standing still at `position` (n,)."""
        position = np.array(position, dtype=float)
        return cls(position, np.zeros_like(position), np.zeros_like(position))

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing moves any more."""
        return bool(np.all(np.abs(self.velocity) < 1e-6) and np.all(np.abs(self.acceleration) < 1e-6))


class MotionFilter:
    """Changes the commanded velocity no faster than the limits allow, and integrates it."""

    def __init__(self, limits: MotionLimits, tick_s: float) -> None:
        self._limits = limits
        self._joints = len(limits.velocity)
        self._tick_s = tick_s
        self._generator = Ruckig(self._joints, tick_s)

    def step(self, motion: Motion, velocity: np.ndarray) -> Motion:
        """The motion one tick after `motion`, on its way to `velocity` (n,).

        Raises:
            MotionError: `motion` or `velocity` is not finite, or ruckig finds no way.
        """
        return _at(self._trajectory(motion, velocity), self._tick_s)

    def brake(self, motion: Motion) -> Motion:
        """The motion one tick later when every joint comes to rest as fast as the limits allow."""
        return self.step(motion, np.zeros(self._joints))

    def after_braking(self, motion: Motion, time_s: float) -> Motion:
        """The motion after `time_s` of that braking."""
        trajectory = self._trajectory(motion, np.zeros(self._joints))
        return _at(trajectory, min(time_s, trajectory.duration))

    def stop(self, motion: Motion, spacing_s: float) -> list[Motion]:
        """The motions after each `spacing_s` of that braking; the last is at rest, and no more than `spacing_s` late.

        Raises:
            MotionError: As `step`.
        """
        trajectory = self._trajectory(motion, np.zeros(self._joints))
        points = max(1, math.ceil(trajectory.duration / spacing_s - 1e-9))
        end = Motion.at_rest(_at(trajectory, trajectory.duration).position)
        return [_at(trajectory, spacing_s * point) for point in range(1, points)] + [end]

    def _trajectory(self, motion: Motion, velocity: np.ndarray) -> Trajectory:
        limits, request = self._limits, InputParameter(self._joints)
        request.control_interface = ControlInterface.Velocity
        request.synchronization = Synchronization.No
        request.current_position = motion.position.tolist()
        request.current_velocity = motion.velocity.tolist()
        request.current_acceleration = np.clip(motion.acceleration, -limits.acceleration, limits.acceleration).tolist()
        request.target_velocity = np.clip(velocity, -limits.velocity, limits.velocity).tolist()
        request.max_acceleration, request.max_jerk = limits.acceleration.tolist(), limits.jerk.tolist()
        if not np.all(np.isfinite([motion.position, motion.velocity, motion.acceleration, velocity])):
            raise MotionError(f"motion from {motion} to velocity {velocity} holds numbers that are not finite")
        trajectory = Trajectory(self._joints)
        result = self._generator.calculate(request, trajectory)
        if result not in (Result.Working, Result.Finished):
            raise MotionError(f"no motion within the limits from {motion} to velocity {velocity}: {result}")
        return trajectory


def _at(trajectory: Trajectory, time_s: float) -> Motion:
    return Motion(*(np.array(value) for value in trajectory.at_time(time_s)))
