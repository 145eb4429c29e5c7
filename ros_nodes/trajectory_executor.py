"""What a joint_trajectory_controller does with trajectories: checks, replacement, interpolation; no ROS in here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from robot_wm.errors import RobotWmError
from robot_wm.motion import Motion

_STANDS_STILL = 1e-6
"""Velocity, rad/s or m/s, that counts as none at the end of a trajectory."""


class TrajectoryError(RobotWmError):
    """A trajectory that the controller refuses."""


@dataclass(frozen=True)
class Waypoint:
    """Where the joints are to be `time_s` seconds after the start, (n,) each; velocity and acceleration may be open."""

    time_s: float
    position: np.ndarray
    velocity: np.ndarray | None = None
    acceleration: np.ndarray | None = None

    def in_order(self, order: list[int]) -> Waypoint:
        """The same with the joints in another order."""
        velocity = None if self.velocity is None else self.velocity[order]
        acceleration = None if self.acceleration is None else self.acceleration[order]
        return Waypoint(self.time_s, self.position[order], velocity, acceleration)


class TrajectoryExecutor:
    """Interpolates the newest trajectory from where the joints were to go when it came; holds its end.

    Between two points the position is a cubic spline where both have velocities, a quintic one where both have
    accelerations as well, and linear otherwise.

    Args:
        joint_names: The joints, in the order of `sample`.
        position: Their positions (n,) at the start.
        nonzero_end: Whether a trajectory may end with a velocity other than zero; a joint_trajectory_controller's
            parameter `allow_nonzero_velocity_at_trajectory_end`.
    """

    def __init__(self, joint_names: Sequence[str], position: np.ndarray, *, nonzero_end: bool = False) -> None:
        self.names = tuple(joint_names)
        self._nonzero_end = nonzero_end
        self.hold(position)

    def hold(self, position: np.ndarray) -> None:
        """Forgets the trajectory and stays at `position` (n,)."""
        self.is_holding = True
        self._start_s, still = 0.0, np.zeros(len(self.names))
        self._points = [Waypoint(0.0, np.array(position, dtype=float), still, still)]

    def check(self, names: Sequence[str], points: Sequence[Waypoint], delay_s: float = 0.0) -> None:
        """Raises TrajectoryError with the reason if `replace` would refuse a trajectory."""
        if sorted(names) != sorted(self.names):
            raise TrajectoryError(f"trajectory is for joints {list(names)}, this controller moves {list(self.names)}")
        if not points:
            raise TrajectoryError("trajectory has no points")
        for index, point in enumerate(points):
            _check_point(point, index, names)
        times = [point.time_s for point in points]
        if times[0] < 0 or any(after <= before for before, after in zip(times, times[1:], strict=False)):
            raise TrajectoryError(f"times from start {times} must increase and not be negative")
        if delay_s + times[-1] < 0:
            raise TrajectoryError(f"trajectory ended {-delay_s - times[-1]:.3f} s ago by its header's stamp")
        end = points[-1].velocity
        if not self._nonzero_end and end is not None and np.any(np.abs(end) > _STANDS_STILL):
            raise TrajectoryError(f"velocity of the last point is {end.tolist()}; it must be zero")

    def replace(self, names: Sequence[str], points: Sequence[Waypoint], now_s: float, delay_s: float = 0.0) -> None:
        """Starts a trajectory in place of the present one.

        Args:
            names: Joints in the order of the points' numbers; all of them, in any order.
            points: At least one, their times increasing.
            now_s: The present on the clock of `sample`.
            delay_s: When the trajectory starts, after `now_s`; negative when it should have started already.

        Raises:
            TrajectoryError: See `check`; the present trajectory goes on.
        """
        self.check(names, points, delay_s)
        order = [list(names).index(name) for name in self.names]
        present = self.sample(now_s)
        start = Waypoint(-delay_s, present.position, present.velocity, present.acceleration)
        due = [point.in_order(order) for point in points if point.time_s > -delay_s]
        self._points = [start, *due] if due else [replace(points[-1].in_order(order), time_s=-delay_s)]
        self._start_s, self.is_holding = now_s + delay_s, False

    def sample(self, now_s: float) -> Motion:
        """What is due at a time; before the trajectory begins its first point, after its end the last."""
        time_s = now_s - self._start_s
        after = next((index for index, point in enumerate(self._points) if point.time_s > time_s), None)
        if after is None or after == 0:
            return _at(self._points[-1 if after is None else 0])
        return _between(self._points[after - 1], self._points[after], time_s)

    def overdue_s(self, now_s: float) -> float:
        """Seconds since the end of the trajectory; negative before it."""
        return now_s - self._start_s - self._points[-1].time_s


def _check_point(point: Waypoint, index: int, names: Sequence[str]) -> None:
    for kind in ("position", "velocity", "acceleration"):
        values = getattr(point, kind)
        if values is None:
            continue
        if np.shape(values) != (len(names),):
            raise TrajectoryError(f"point {index} has {np.size(values)} {kind} values for {len(names)} joints")
        if not np.all(np.isfinite(values)):
            raise TrajectoryError(f"point {index} has {kind} values {list(values)} that are not all finite")
    if not np.isfinite(point.time_s):
        raise TrajectoryError(f"point {index} is due at {point.time_s} s")


def _at(point: Waypoint) -> Motion:
    still = np.zeros_like(point.position)
    velocity = still if point.velocity is None else point.velocity
    return Motion(point.position, velocity, still if point.acceleration is None else point.acceleration)


def _between(start: Waypoint, end: Waypoint, time_s: float) -> Motion:
    """Position, velocity and acceleration of the spline from one point to the next."""
    span, elapsed = end.time_s - start.time_s, time_s - start.time_s
    coefficients = _spline(start, end, span)
    powers = np.arange(len(coefficients))
    derivatives = []
    for order in range(3):
        factor = np.prod([np.maximum(powers - k, 0) for k in range(order)], axis=0) if order else np.ones(len(powers))
        terms = factor * elapsed ** np.maximum(powers - order, 0)
        derivatives.append(terms @ coefficients)
    return Motion(*derivatives)


def _spline(start: Waypoint, end: Waypoint, span: float) -> np.ndarray:
    """Coefficients (order + 1, n) of the polynomial in time that meets what both points say."""
    way = end.position - start.position
    if start.velocity is None or end.velocity is None:
        return np.array([start.position, way / span])
    v0, v1 = start.velocity, end.velocity
    if start.acceleration is None or end.acceleration is None:
        return np.array(
            [start.position, v0, (3 * way / span - 2 * v0 - v1) / span, (v0 + v1 - 2 * way / span) / span**2]
        )
    a0, a1 = start.acceleration, end.acceleration
    return np.array(
        [
            start.position,
            v0,
            a0 / 2,
            (20 * way - (8 * v1 + 12 * v0) * span - (3 * a0 - a1) * span**2) / (2 * span**3),
            (-30 * way + (14 * v1 + 16 * v0) * span + (3 * a0 - 2 * a1) * span**2) / (2 * span**4),
            (12 * way - 6 * (v1 + v0) * span - (a0 - a1) * span**2) / (2 * span**5),
        ]
    )
