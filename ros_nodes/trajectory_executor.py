"""What a joint_trajectory_controller does with trajectories: checks, replacement, interpolation; no ROS in here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robot_wm.errors import RobotWmError


class TrajectoryError(RobotWmError):
    """A trajectory that the controller refuses."""


class TrajectoryExecutor:
    """Interpolates joint positions linearly along the newest trajectory; holds its end.

    Args:
        joint_names: The joints, in the order of `sample`.
        position: Their positions (n,) at the start.
    """

    def __init__(self, joint_names: Sequence[str], position: np.ndarray) -> None:
        self._names = tuple(joint_names)
        self.hold(position)

    def hold(self, position: np.ndarray) -> None:
        """Forgets the trajectory and stays at `position` (n,)."""
        self._times, self._positions = np.zeros(1), np.array(position, dtype=float)[None]

    def replace(self, names: Sequence[str], positions: np.ndarray, times_s: np.ndarray, now_s: float) -> None:
        """Starts a trajectory now, from where the present one is.

        Args:
            names: Joints in the order of the columns of `positions`; all of them, in any order.
            positions: (P, n), radians or metres; P may be 0, which stops at once.
            times_s: (P,) seconds after `now_s`, increasing.
            now_s: The present on the clock of `sample`.

        Raises:
            TrajectoryError: Joints are missing or unknown, or the numbers are not finite and increasing.
        """
        if sorted(names) != sorted(self._names):
            raise TrajectoryError(f"trajectory is for joints {list(names)}, this controller moves {list(self._names)}")
        positions, times_s = np.asarray(positions, dtype=float).reshape(len(times_s), len(names)), np.asarray(times_s)
        if not (np.all(np.isfinite(positions)) and np.all(np.isfinite(times_s))):
            raise TrajectoryError("trajectory holds positions or times that are not finite")
        if np.any(np.diff(times_s) <= 0) or np.any(times_s < 0):
            raise TrajectoryError(f"times from start {times_s} must be increasing and not negative")
        order = [list(names).index(name) for name in self._names]
        self._positions = np.vstack([self.sample(now_s), positions[:, order]])
        self._times = now_s + np.append(0.0, times_s)

    def sample(self, now_s: float) -> np.ndarray:
        """Positions (n,) that are due at a time."""
        return np.array([np.interp(now_s, self._times, column) for column in self._positions.T])
