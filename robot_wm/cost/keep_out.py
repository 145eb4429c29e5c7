"""Guardrail: boxes that the end effector must not enter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robot_wm.cost.guardrail import TOLERANCE_M
from robot_wm.cost.term import Constraint
from robot_wm.errors import RobotWmError


class KeepOut(Constraint):
    """The end effector, a ball, stays out of a box of the base frame, on its way between two steps too.

    A start inside may move outwards or along, never further in.

    Args:
        low: Lowest corner (x, y, z), metres.
        high: Highest corner.
        radius_m: Radius of the ball.
        name: What is in the box, for the reason.

    Raises:
        RobotWmError: The corners are not finite or not in order.
    """

    def __init__(
        self, low: Sequence[float], high: Sequence[float], *, radius_m: float = 0.0, name: str = "keep-out box"
    ) -> None:
        ordered = len(low) == len(high) == 3 and bool(np.all(np.less(low, high)))
        if not ordered or not np.all(np.isfinite([low, high])):
            raise RobotWmError(f"{name}: corners are {low} and {high}; expected finite x, y, z, the first the lower")
        self.low, self.high = np.subtract(low, radius_m), np.add(high, radius_m)
        self.name = name

    def violation(self, state: np.ndarray, actions: np.ndarray, states: np.ndarray) -> np.ndarray:
        ends = states[..., :3].astype(float)
        starts = np.concatenate([np.broadcast_to(state[:3], (len(ends), 1, 3)), ends[:, :-1]], axis=1)
        inside = float(self._depth(state[:3]))
        if inside > 0:
            depths = np.concatenate([np.full((len(ends), 1), inside), self._depth(ends)], axis=1)
            worst = np.where(np.diff(depths, axis=1) > TOLERANCE_M, depths[:, 1:], 0.0).max(axis=1)
        else:
            worst = self._depth_on_way(starts, ends).max(axis=1)
        worst = np.where(worst > TOLERANCE_M, worst, 0.0)
        return np.where(np.isfinite(ends).all(axis=(1, 2)), worst, np.inf)

    def reason(self, violation: float) -> str:
        box = f"{self.low.tolist()} to {self.high.tolist()} m"
        return f"{self.name}: every plan enters {box}, the best by {violation:.3f} m; move the arm or the box"

    def _depth(self, points: np.ndarray) -> np.ndarray:
        """How far (...) points (..., 3) are inside, zero outside."""
        return np.maximum(np.minimum(points - self.low, self.high - points).min(axis=-1), 0.0)

    def _depth_on_way(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Depth (...) in the middle of the part of each straight way, (..., 3) to (..., 3), that is inside."""
        way = ends - starts
        with np.errstate(divide="ignore", invalid="ignore"):
            crossings = np.stack([(self.low - starts) / way, (self.high - starts) / way])
        between = (starts >= self.low) & (starts <= self.high)
        parallel = way == 0
        enter = np.where(parallel, np.where(between, -np.inf, np.inf), crossings.min(axis=0)).max(axis=-1)
        leave = np.where(parallel, np.where(between, np.inf, -np.inf), crossings.max(axis=0)).min(axis=-1)
        enter, leave = np.maximum(enter, 0.0), np.minimum(leave, 1.0)
        crosses = enter < leave
        middle = (np.where(crosses, enter, 0.0) + np.where(crosses, leave, 0.0)) / 2
        return np.where(crosses, self._depth(starts + middle[..., None] * way), 0.0)
