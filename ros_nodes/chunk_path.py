"""The path of end-effector poses that a planned chunk means, from where the arm is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robot_wm.kinematics import interpolate_pose
from ros_nodes.conversions import Plan

_SLOWEST_M_S = 0.05
"""Speed that is always allowed on the way to a chunk's first pose."""


@dataclass(frozen=True)
class Path:
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


def path_from(start: np.ndarray, now_s: float, plan: Plan, lead_s: float, hastens: bool = True) -> Path | None:
    """The rest of a plan from where the arm is; None when nothing is left of it.

    A chunk that comes late is not caught up with by haste: where the way to its first pose would have to be faster
    than the chunk itself, the rest of it is put off.

    Args:
        hastens: Whether the way to the first pose may be as fast as if it had begun at the plan's stamp; a person's
            speed limit is that of the chunk.
    """
    due = plan.stamp_s + plan.times_s
    ahead = due > now_s + lead_s
    if not np.any(ahead):
        return None
    first = int(np.argmax(ahead))
    way_m = float(np.linalg.norm(plan.poses[first, :3] - start[:3]))
    speeds = np.linalg.norm(np.diff(plan.poses[:, :3], axis=0), axis=1) / np.diff(plan.times_s)
    meant = way_m / float(due[first] - plan.stamp_s) if hastens else 0.0
    speed = max(_SLOWEST_M_S, meant, *speeds.tolist())
    delay_s = max(0.0, way_m / speed - float(due[first] - now_s))
    return Path(np.append(now_s, due[ahead] + delay_s), np.vstack([start, plan.poses[ahead]]))
