"""Counts limits that the simulated arm broke, from the simulator's own state and nothing else."""

from __future__ import annotations

import numpy as np

from robot_wm.contract import TABLETOP
from sim.world import World

WORKSPACE_MARGIN_M = 0.06
"""How far the tool may be outside the contract's workspace: it only bounds what is commanded."""
_POSITION_SLACK, _VELOCITY_SLACK = 0.01, 1.02


class LimitChecker:
    """Looks at the world once a tick.

    Attributes:
        violations: Ticks in which a limit was broken, by limit: position, velocity, workspace, table.
        fastest: Highest share of a joint's velocity limit that was seen.
        farthest_m: How far outside the contract's workspace the tool was at most, metres.
        last: What was broken last, in words; empty where nothing was.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.violations = {"position": 0, "velocity": 0, "workspace": 0, "table": 0}
        self.fastest, self.farthest_m, self.last = 0.0, 0.0, ""

    def look(self) -> None:
        """Counts what is broken at this moment."""
        low, high, fastest = self._world.robot.limits()
        q, v = self._world.joint_positions(), self._world.joint_velocities()
        shares = np.abs(v) / fastest
        self.fastest = max(self.fastest, float(np.max(shares)))
        place = self._world.ee_pose()[:3]
        outside = np.maximum(np.array(TABLETOP.workspace_low) - place, place - np.array(TABLETOP.workspace_high))
        self.farthest_m = max(self.farthest_m, float(np.max(outside)))
        looked = {
            "position": bool(np.any(q < low - _POSITION_SLACK) or np.any(q > high + _POSITION_SLACK)),
            "velocity": bool(np.any(shares > _VELOCITY_SLACK)),
            "workspace": bool(np.max(outside) > WORKSPACE_MARGIN_M),
            "table": self._world.touches_table(),
        }
        broken = [limit for limit, is_broken in looked.items() if is_broken]
        for limit in broken:
            self.violations[limit] += 1
        if broken:
            self.last = self._described(broken, shares, place)

    def _described(self, broken: list[str], shares: np.ndarray, place: np.ndarray) -> str:
        behind = self._world.joint_target - self._world.joint_positions()
        touches = "touches something" if self._world.in_contact() else "touches nothing"
        return (
            f"{', '.join(broken)}: shares of the velocity limits {np.round(shares, 2).tolist()}, tool at "
            f"{np.round(place, 3).tolist()} m, {touches}, behind its targets by {np.round(behind, 3).tolist()} rad"
        )
