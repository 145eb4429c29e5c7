"""How far a joint may be from its trajectory and from its goal, as FollowJointTrajectory says it; no ROS in here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robot_wm.motion import Motion
from ros_nodes.trajectory_executor import TrajectoryError

_KINDS = ("position", "velocity", "acceleration")


class JointTolerance(Protocol):
    """The fields of control_msgs/JointTolerance: 0 means the default, -1 no limit."""

    name: str
    position: float
    velocity: float
    acceleration: float


@dataclass(frozen=True)
class Tolerance:
    """Largest errors (n,) of position, velocity and acceleration; 0 means no limit."""

    position: np.ndarray
    velocity: np.ndarray
    acceleration: np.ndarray

    @classmethod
    def uniform(cls, joints: int, position: float, velocity: float = 0.0) -> Tolerance:
        """The same for each joint, none for the acceleration."""
        return cls(np.full(joints, position), np.full(joints, velocity), np.zeros(joints))

    def with_overrides(self, names: Sequence[str], overrides: Iterable[JointTolerance], field: str) -> Tolerance:
        """These tolerances with those of a goal; TrajectoryError for an unknown joint or a negative number."""
        values = {kind: getattr(self, kind).copy() for kind in _KINDS}
        for override in overrides:
            if override.name not in names:
                raise TrajectoryError(f"{field} names joint '{override.name}'; this controller moves {list(names)}")
            for kind in _KINDS:
                index, wanted = list(names).index(override.name), getattr(override, kind)
                values[kind][index] = _resolve(wanted, values[kind][index], f"{field} of '{override.name}': {kind}")
        return Tolerance(**values)

    def excess(self, names: Sequence[str], error: Motion) -> str:
        """Which joint is how far outside; empty when every joint is inside."""
        for kind in _KINDS:
            limits, errors = getattr(self, kind), np.abs(getattr(error, kind))
            outside = np.flatnonzero((limits > 0) & ~(errors <= limits))
            if outside.size:
                worst = outside[0]
                return f"{kind} error of {names[worst]} is {errors[worst]:.4f}, {limits[worst]:.4f} is allowed"
        return ""


@dataclass(frozen=True)
class Tolerances:
    """On the path, at the goal, and for how many seconds after its end the goal may still be reached; 0 for ever."""

    path: Tolerance
    goal: Tolerance
    goal_time_s: float = 0.0

    def for_goal(
        self,
        names: Sequence[str],
        path: Iterable[JointTolerance],
        goal: Iterable[JointTolerance],
        goal_time_s: float,
    ) -> Tolerances:
        """These as defaults with those of an action goal; TrajectoryError for tolerances that make no sense."""
        return Tolerances(
            self.path.with_overrides(names, path, "path_tolerance"),
            self.goal.with_overrides(names, goal, "goal_tolerance"),
            _resolve(goal_time_s, self.goal_time_s, "goal_time_tolerance"),
        )


def _resolve(wanted: float, default: float, what: str) -> float:
    if wanted == -1.0:
        return 0.0
    if not wanted >= 0.0:
        raise TrajectoryError(f"{what} is {wanted}; a positive number is needed, 0 for the default or -1 for no limit")
    return wanted or default
