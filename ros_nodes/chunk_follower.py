"""Follows planned end-effector chunks with the joints, and stops when it must; no ROS in here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robot_wm.errors import RobotWmError
from robot_wm.kinematics import Arm, interpolate_pose
from robot_wm.motion import Motion, MotionFilter, MotionLimits
from ros_nodes.conversions import Plan

_SLOWEST_M_S = 0.05
"""Speed that is always allowed on the way to a chunk's first pose."""


@dataclass(frozen=True)
class FollowerSettings:
    """When to follow and when to stop.

    Attributes:
        tick_s: Seconds between two calls of `step`.
        plan_max_age_s: Oldest stamp of a plan that may still be executed, on the ROS clock.
        plan_timeout_s: Longest silence between two plans, on the monotonic clock of this process.
        joints_timeout_s: Longest silence of the joint states, likewise.
        lag_s: Time constant with which the arm closes in on the path; the path is read that much ahead.
        lead_s: A new chunk's poses due sooner than this are passed over, since they cannot be met smoothly.
        max_tracking_error: Largest distance between commanded and measured joints, radians.
        speed: Fraction of the URDF's velocity limits that may be used.
    """

    tick_s: float = 0.01
    plan_max_age_s: float = 0.8
    plan_timeout_s: float = 0.5
    joints_timeout_s: float = 0.25
    lag_s: float = 0.1
    lead_s: float = 0.08
    max_tracking_error: float = 0.3
    speed: float = 1.0


@dataclass(frozen=True)
class _Path:
    """Poses (K, 7) with the times at which they are due (K,), on the ROS clock; the first is where the arm was."""

    times_s: np.ndarray
    poses: np.ndarray

    def at(self, time_s: float) -> np.ndarray:
        """The pose (7,) at a time; the first before the path begins, the last after its end."""
        after = int(np.searchsorted(self.times_s, time_s, side="right"))
        if after == 0 or after == len(self.times_s):
            return self.poses[min(after, len(self.times_s) - 1)]
        start, end = self.times_s[after - 1], self.times_s[after]
        return interpolate_pose(self.poses[after - 1], self.poses[after], (time_s - start) / (end - start))


def _path_from(start: np.ndarray, now_s: float, plan: Plan, lead_s: float) -> _Path | None:
    """The rest of a plan from where the arm is; None when nothing is left of it.

    A chunk that comes late is not caught up with by haste: where the way to its first pose would have to be faster
    than the chunk itself, the rest of it is put off.
    """
    due = plan.stamp_s + plan.times_s
    ahead = due > now_s + lead_s
    if not np.any(ahead):
        return None
    first = int(np.argmax(ahead))
    way_m = float(np.linalg.norm(plan.poses[first, :3] - start[:3]))
    speeds = np.linalg.norm(np.diff(plan.poses[:, :3], axis=0), axis=1) / np.diff(plan.times_s)
    speed = max(_SLOWEST_M_S, way_m / float(due[first] - plan.stamp_s), *speeds.tolist())
    delay_s = max(0.0, way_m / speed - float(due[first] - now_s))
    return _Path(np.append(now_s, due[ahead] + delay_s), np.vstack([start, plan.poses[ahead]]))


class ChunkFollower:
    """Chunk in, joint command out, tick by tick, within the limits; holds still when there is a reason to.

    Attributes:
        reason: Why it holds ("kind: details"), empty while it follows.
    """

    def __init__(self, arm: Arm, limits: MotionLimits, posture: np.ndarray, settings: FollowerSettings) -> None:
        self._arm, self._posture, self._settings = arm, posture, settings
        self._filter = MotionFilter(limits, settings.tick_s)
        self._motion: Motion | None = None
        self._measured: np.ndarray | None = None
        self._measured_at = self._received_at = -np.inf
        self._plan: Plan | None = None
        self._path: _Path | None = None
        self.reason = "no plan yet"

    def measure(self, joints: np.ndarray, received_s: float) -> None:
        """Takes the measured joint positions (n,), received at `received_s` of the monotonic clock."""
        self._measured, self._measured_at = joints, received_s

    def accept(self, plan: Plan, now_s: float, received_s: float) -> bool:
        """Replaces the rest of the present chunk, without a jump; False for a plan that is older than the present one.

        A present plan from the future (the ROS clock went back) gives way to any plan.

        Args:
            plan: The new chunk; one without poses means "stop".
            now_s: ROS time.
            received_s: Monotonic time at which the plan arrived.
        """
        if self._plan is not None and plan.stamp_s < self._plan.stamp_s <= now_s:
            return False
        self._plan, self._received_at = plan, received_s
        self._path = None
        if self._measured is not None:
            start = self._measured if self._motion is None else self._motion.position
            self._path = _path_from(self._arm.forward(start), now_s, plan, self._settings.lead_s)
        return True

    @property
    def following_stamp_s(self) -> float | None:
        """Stamp of the plan that is followed, seconds; None while holding."""
        return None if self.reason or self._plan is None else self._plan.stamp_s

    def opening(self, now_s: float) -> float | None:
        """The gripper opening that is due, None while holding."""
        if self.reason or self._plan is None:
            return None
        due = self._plan.stamp_s + self._plan.times_s
        return float(self._plan.openings[min(int(np.searchsorted(due, now_s)), len(due) - 1)])

    def step(self, now_s: float, monotonic_s: float) -> Motion | None:
        """The joint command for the end of this tick, or None when the arm stands still and holds."""
        self.reason = self._why_hold(now_s, monotonic_s)
        if not self.reason:
            try:
                return self._follow(now_s)
            except RobotWmError as error:
                self.reason = f"cannot follow: {error}"
        return self._brake()

    def _follow(self, now_s: float) -> Motion:
        assert self._path is not None and self._measured is not None
        if self._motion is None:
            self._motion = Motion.at_rest(self._measured)
        target = self._path.at(now_s + self._settings.tick_s + self._settings.lag_s)
        velocity = self._arm.track(
            target, self._motion.position, self._settings.lag_s, posture=self._posture, speed=self._settings.speed
        )
        self._motion = self._filter.step(self._motion, velocity)
        return self._motion

    def _brake(self) -> Motion | None:
        if self._motion is None or self._motion.is_at_rest:
            self._motion = None
            return None
        self._motion = self._filter.brake(self._motion)
        return self._motion

    def _why_hold(self, now_s: float, monotonic_s: float) -> str:
        settings = self._settings
        if self._measured is None:
            return "no joint states yet"
        if monotonic_s - self._measured_at > settings.joints_timeout_s:
            return f"joint states are silent: for {monotonic_s - self._measured_at:.2f} s"
        if self._plan is None:
            return "no plan yet"
        if not len(self._plan.times_s):
            return "planner says stop"
        age, silence = now_s - self._plan.stamp_s, monotonic_s - self._received_at
        if age > settings.plan_max_age_s:
            return f"plan is stale: its observation is {age:.2f} s old, at most {settings.plan_max_age_s} s are allowed"
        if age < -settings.tick_s:
            return f"plan is from the future: by {-age:.2f} s; synchronise the clocks of camera and controller"
        if silence > settings.plan_timeout_s:
            return f"plan is stale: none arrived for {silence:.2f} s, at most {settings.plan_timeout_s} s are allowed"
        if self._path is None:
            return "plan is stale: all its poses were due before it arrived"
        if self._motion is not None:
            error = float(np.max(np.abs(self._motion.position - self._measured)))
            if error > settings.max_tracking_error:
                return f"the arm does not follow: a joint is {error:.2f} rad from its command"
        return ""
