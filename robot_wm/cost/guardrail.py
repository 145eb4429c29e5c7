"""Guardrails: constraints on where the end effector may go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robot_wm.contract import Contract
from robot_wm.cost.term import Constraint
from robot_wm.safety.limits import box_excess

TOLERANCE_M = 1e-5
RECOVERY_M = 0.05
INWARDS_M = 0.01
"""A start outside comes in by so much with every step."""


class Workspace(Constraint):
    """The end effector stays inside a box of the base frame, such as the contract's workspace.

    A start that is slightly outside (at most `recovery_m`) must come in by `INWARDS_M` a step: were it enough to stay,
    an arm that overshoots a little with every plan would wander off. Further outside nothing is feasible and a person
    has to bring the arm back.

    Args:
        low: Lowest corner (x, y, z), metres.
        high: Highest corner.
    """

    def __init__(self, low: Sequence[float], high: Sequence[float], *, recovery_m: float = RECOVERY_M) -> None:
        self.low, self.high = np.asarray(low), np.asarray(high)
        self.recovery_m = recovery_m

    @classmethod
    def of(cls, contract: Contract) -> Workspace:
        """The contract's workspace."""
        return cls(contract.workspace_low, contract.workspace_high)

    def violation(self, state: np.ndarray, actions: np.ndarray, states: np.ndarray) -> np.ndarray:
        low, high = self._bounds(state, states.shape[1])
        worst = box_excess(states[..., :3], low, high).max(axis=1)
        start = float(box_excess(state[:3], self.low, self.high))
        if start > self.recovery_m:
            return np.maximum(worst, start)
        return np.where(worst <= TOLERANCE_M, 0.0, worst)

    def reason(self, violation: float) -> str:
        return (
            f"workspace: every plan leaves {self.low.tolist()} to {self.high.tolist()} m, "
            f"the best by {violation:.3f} m; bring the arm back inside"
        )

    def repair(self, state: np.ndarray, actions: np.ndarray) -> np.ndarray:
        low, high = self._bounds(state, actions.shape[1])
        repaired = actions.copy()
        position = np.broadcast_to(state[:3], (len(actions), 3))
        for step in range(actions.shape[1]):
            target = np.clip(position + actions[:, step, :3], low[step], high[step])
            repaired[:, step, :3] = target - position
            position = position + repaired[:, step, :3]
        return repaired

    def _bounds(self, state: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest positions (H, 3) after each step."""
        come_in = INWARDS_M * np.arange(1, steps + 1)[:, None]
        return np.minimum(self.low, state[:3] + come_in), np.maximum(self.high, state[:3] - come_in)
