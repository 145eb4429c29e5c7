"""What a recorded episode asks of the arm over time, and how well the arm did it; no ROS in here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robot_wm.actions import integrate
from robot_wm.data.episode import Episode
from robot_wm.errors import RobotWmError
from robot_wm.kinematics import interpolate_pose
from ros_nodes.conversions import Plan

_HORIZON = 10
_ARRIVED_M, _ARRIVED_RAD = 0.01, 0.1
_NEAR_S = 0.05


class ReplayError(RobotWmError):
    """An episode cannot be replayed from where the arm is, or nobody follows."""


@dataclass(frozen=True)
class Course:
    """Poses to be reached.

    Attributes:
        times_s: Seconds after the start (K,), increasing.
        poses: End-effector poses (K, 7) in the base frame.
        openings: Gripper openings (K,).
        first: Number of the first pose that belongs to the episode; those before lead to its beginning.
    """

    times_s: np.ndarray
    poses: np.ndarray
    openings: np.ndarray
    first: int

    def plan(self, elapsed_s: float, stamp_s: float) -> Plan:
        """The next poses as a plan, `elapsed_s` after the start; an empty one at the end."""
        ahead = slice(int(np.searchsorted(self.times_s, elapsed_s, side="right")), None)
        times = self.times_s[ahead][:_HORIZON] - elapsed_s
        return Plan(stamp_s, times, self.poses[ahead][:_HORIZON], self.openings[ahead][:_HORIZON])


def course(episode: Episode, step_s: float, here: np.ndarray, approach_m: float, speed_m_s: float) -> Course:
    """The way from where the arm is to the episode's beginning, and then its actions at their recorded times.

    Args:
        step_s: Seconds between an action and the pose that it wants.
        here: (8,) pose and opening now.
        approach_m: Longest way to the episode's beginning.
        speed_m_s: Speed on that way.

    Raises:
        ReplayError: The beginning is farther away.
    """
    start = episode.states[0].astype(float)
    way_m = float(np.linalg.norm(start[:3] - here[:3]))
    turn_rad = 2.0 * float(np.arccos(np.clip(abs(start[3:7] @ here[3:7]), 0.0, 1.0)))
    if way_m > approach_m:
        raise ReplayError(
            f"the episode begins {way_m:.3f} m from where the arm is, at most {approach_m:g} m are allowed; move the "
            f"arm to {np.round(start[:3], 3).tolist()} first, or raise --approach-m"
        )
    lead_s = 0.0
    if way_m > _ARRIVED_M or turn_rad > _ARRIVED_RAD:
        lead_s = step_s * np.ceil(max(way_m / speed_m_s, turn_rad / 0.5) / step_s - 1e-6)
    shares = np.arange(1, round(lead_s / step_s) + 1) / max(1, round(lead_s / step_s))
    approach = np.array([interpolate_pose(here[:7], start[:7], float(share)) for share in shares]).reshape(-1, 7)
    targets = integrate_each(episode.states, episode.actions)
    settle_s = lead_s + (0.5 if lead_s else 0.0)
    return Course(
        np.concatenate([shares * lead_s, settle_s + step_s + episode.stamps - episode.stamps[0]]),
        np.vstack([approach, targets[:, :7]]),
        np.concatenate([np.full(len(approach), here[7]), targets[:, 7]]),
        len(approach),
    )


def integrate_each(states: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Where each action leads from the state (8,) that it was taken in: (T, 8)."""
    pairs = zip(states, actions, strict=True)
    return np.array([integrate(state, action[None, None])[0, 0] for state, action in pairs], np.float64)


@dataclass(frozen=True)
class TrackingError:
    """How far the arm was from each pose when it was due: metres and radians, (n,)."""

    position_m: np.ndarray
    rotation_rad: np.ndarray

    def figures(self) -> dict[str, dict[str, float]]:
        """Mean, 95th percentile and maximum."""
        figures = {}
        for name, values in (("position_mm", 1e3 * self.position_m), ("rotation_deg", np.degrees(self.rotation_rad))):
            p95, worst = np.percentile(values, (95, 100))
            figures[name] = {"mean": float(np.mean(values)), "p95": float(p95), "max": float(worst)}
        return figures


def tracking_error(wanted: Course, times_s: np.ndarray, poses: np.ndarray) -> TrackingError:
    """Compares the episode's poses with measured ones.

    Args:
        times_s: When poses were measured, seconds after the start (n,).
        poses: (n, 7).

    Raises:
        ReplayError: Nothing was measured near the time of any pose.
    """
    position, rotation = [], []
    for time_s, pose in zip(wanted.times_s[wanted.first :], wanted.poses[wanted.first :], strict=True):
        nearest = int(np.argmin(np.abs(times_s - time_s))) if len(times_s) else 0
        if len(times_s) and abs(times_s[nearest] - time_s) <= _NEAR_S:
            measured = poses[nearest]
            position.append(np.linalg.norm(measured[:3] - pose[:3]))
            cosine = abs(measured[3:7] @ pose[3:7]) / np.linalg.norm(pose[3:7])
            rotation.append(2.0 * np.arccos(np.clip(cosine, 0.0, 1.0)))
    if not position:
        raise ReplayError("no joint states arrived near the time of any pose; is the arm's driver running?")
    return TrackingError(np.array(position), np.array(rotation))
