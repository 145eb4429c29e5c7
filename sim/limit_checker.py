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
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.violations = {"position": 0, "velocity": 0, "workspace": 0, "table": 0}
        self.fastest, self.farthest_m = 0.0, 0.0

    def look(self) -> None:
        """Counts what is broken at this moment."""
        low, high, fastest = self._world.robot.limits()
        q, v = self._world.joint_positions(), self._world.joint_velocities()
        self.fastest = max(self.fastest, float(np.max(np.abs(v) / fastest)))
        place = self._world.ee_pose()[:3]
        outside = np.maximum(np.array(TABLETOP.workspace_low) - place, place - np.array(TABLETOP.workspace_high))
        self.farthest_m = max(self.farthest_m, float(np.max(outside)))
        self.violations["position"] += bool(np.any(q < low - _POSITION_SLACK) or np.any(q > high + _POSITION_SLACK))
        self.violations["velocity"] += bool(np.any(np.abs(v) > _VELOCITY_SLACK * fastest))
        self.violations["workspace"] += bool(np.max(outside) > WORKSPACE_MARGIN_M)
        self.violations["table"] += self._world.touches_table()
