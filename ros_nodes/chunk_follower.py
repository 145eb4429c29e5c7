"""Follows planned end-effector chunks with the joints, and stops when it must; no ROS in here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from robot_wm.errors import RobotWmError
from robot_wm.kinematics import Arm, pose_distance
from robot_wm.motion import Motion, MotionFilter, MotionLimits
from ros_nodes.chunk_path import Path, path_from
from ros_nodes.conversions import Plan


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
        max_tracking_error: Largest distance between what is commanded and what is measured, radians (and metres).
        speed: Fraction of the URDF's velocity limits that may be used.
        tracking: What of a command the arm follows: its joint positions; the pose alone, where the driver chooses the
            joints; or the velocity alone, where each tick begins at the measured joints.
    """

    tick_s: float = 0.01
    plan_max_age_s: float = 0.8
    plan_timeout_s: float = 0.5
    joints_timeout_s: float = 0.25
    lag_s: float = 0.1
    lead_s: float = 0.08
    max_tracking_error: float = 0.3
    speed: float = 1.0
    tracking: Literal["joints", "pose", "velocity"] = "joints"


class ChunkFollower:
    """Chunk in, joint command out, tick by tick, within the limits; holds still when there is a reason to.

    Attributes:
        reason: Why it holds ("kind: details"), empty while it follows.
        veto: Why somebody else does not want it to follow at present; empty while nobody minds.
    """

    def __init__(self, arm: Arm, limits: MotionLimits, posture: np.ndarray, settings: FollowerSettings) -> None:
        self._arm, self._posture, self.veto = arm, posture, ""
        self.tune(limits, settings)
        self.reset()

    def reset(self) -> None:
        """Forgets plan, motion and measurement, as when the arm was moved by somebody else meanwhile."""
        self._motion: Motion | None = None
        self._measured: np.ndarray | None = None
        self._measured_at = self._received_at = -np.inf
        self._plan: Plan | None = None
        self._path: Path | None = None
        self.reason = "no plan yet"

    def forget_plan(self) -> None:
        """Brakes until another plan comes, whatever its stamp, as when somebody else makes the plans from now on."""
        self._plan, self._path = None, None

    def tune(self, limits: MotionLimits, settings: FollowerSettings) -> None:
        """Changes limits and settings, from the next tick on."""
        self._limits, self._settings = limits, settings
        self._filter = MotionFilter(limits, settings.tick_s)

    def measure(self, joints: np.ndarray, received_s: float) -> None:
        """Takes the measured joint positions (n,), received at `received_s` of the monotonic clock."""
        self._measured, self._measured_at = joints, received_s

    def accept(self, plan: Plan, now_s: float, received_s: float, *, hastens: bool = True) -> bool:
        """Replaces the rest of the present chunk, without a jump; False for a plan that is older than the present one.

        A present plan from the future (the ROS clock went back) gives way to any plan.

        Args:
            plan: The new chunk; one without poses means "stop".
            now_s: ROS time.
            received_s: Monotonic time at which the plan arrived.
            hastens: See `path_from`.
        """
        if self._plan is not None and plan.stamp_s < self._plan.stamp_s <= now_s:
            return False
        self._plan, self._received_at = plan, received_s
        self._path = None
        if self._measured is not None:
            start = self._arm.forward(self._start_of_tick().position)
            self._path = path_from(start, now_s, plan, self._settings.lead_s, hastens)
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
                self._motion = self._next(self._start_of_tick(), now_s, self._filter, self._settings.tick_s)
                return self._motion
            except RobotWmError as error:
                self.reason = f"cannot follow: {error}"
        return self._brake()

    def ahead(self, now_s: float, horizon_s: float, tick_s: float) -> list[Motion]:
        """The motions after each of the next ticks if no other plan comes, and then the stop; empty at rest.

        While it holds, the stop comes at once. Nothing changes by the asking.

        Raises:
            RobotWmError: There is no motion within the limits.
        """
        if self._motion is None:
            return []
        motions, coarse = [self._motion], MotionFilter(self._limits, tick_s)
        for tick in range(0 if self.reason else round(horizon_s / tick_s)):
            motions.append(self._next(motions[-1], now_s + tick * tick_s, coarse, tick_s))
        while not motions[-1].is_at_rest:
            motions.append(coarse.brake(motions[-1]))
        return motions[1:]

    def _start_of_tick(self) -> Motion:
        assert self._measured is not None
        if self._motion is None:
            return Motion.at_rest(self._measured)
        if self._settings.tracking == "velocity":
            return Motion(self._measured, self._motion.velocity, self._motion.acceleration)
        return self._motion

    def _next(self, motion: Motion, now_s: float, motion_filter: MotionFilter, tick_s: float) -> Motion:
        assert self._path is not None
        target = self._path.at(now_s + tick_s + self._settings.lag_s)
        velocity = self._arm.track(
            target, motion.position, self._settings.lag_s, posture=self._posture, speed=self._settings.speed
        )
        return motion_filter.step(motion, velocity)

    def _brake(self) -> Motion | None:
        if self._motion is None or self._motion.is_at_rest:
            self._motion = None
            return None
        self._motion = self._filter.brake(self._start_of_tick())
        return self._motion

    def _why_hold(self, now_s: float, monotonic_s: float) -> str:
        settings = self._settings
        if self.veto:
            return self.veto
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
        error = self._tracking_error()
        if error > settings.max_tracking_error:
            return f"the arm does not follow: it is {error:.2f} rad or m from its command"
        return ""

    def _tracking_error(self) -> float:
        """How far the arm is from its last command, by a joint or by the pose; 0 where it is not commanded to be."""
        if self._motion is None or self._measured is None or self._settings.tracking == "velocity":
            return 0.0
        if self._settings.tracking == "pose":
            return pose_distance(self._arm.forward(self._motion.position), self._arm.forward(self._measured))
        return float(np.max(np.abs(self._motion.position - self._measured)))
