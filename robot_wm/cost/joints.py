"""Guardrail: joints keep away from their limits."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from robot_wm.cost.term import Constraint
from robot_wm.safety.limits import require_finite

TOLERANCE_RAD = 1e-5
DAMPING = 0.02


class Limits(Protocol):
    """Position limits of the joints, each (n,), radians."""

    @property
    def lower(self) -> np.ndarray: ...

    @property
    def upper(self) -> np.ndarray: ...


class ArmModel(Protocol):
    """An arm's limits and Jacobian, as `robot_wm.kinematics.Arm` has them."""

    @property
    def joints(self) -> Limits: ...

    def jacobian(self, q: np.ndarray) -> np.ndarray:
        """(6, n): linear and angular velocity of the end effector in the base frame, per joint velocity."""


class JointMargin(Constraint):
    """The first steps of a plan keep each joint `margin_rad` away from its limits.

    Joints are followed to first order from where they were last measured, by the damped inverse of the Jacobian
    (Nakamura & Hanafusa 1986); this is good for the few steps that are executed before the next plan. A start within
    the margin may move along or out, never further in. Before the first measurement no plan is feasible.

    Args:
        steps: So many steps of each plan are judged.
    """

    def __init__(self, arm: ArmModel, *, margin_rad: float = 0.05, steps: int = 3) -> None:
        self._arm, self._steps = arm, steps
        self._low, self._high = arm.joints.lower + margin_rad, arm.joints.upper - margin_rad
        self._margin_rad = margin_rad
        self._measured: np.ndarray | None = None

    def observe(self, joints: np.ndarray) -> None:
        """Takes the measured positions (n,), radians; ObservationError when they are not finite."""
        self._measured = require_finite(np.array(joints, dtype=float), "joint positions")
        jacobian = self._arm.jacobian(self._measured)
        self._inverse = jacobian.T @ np.linalg.inv(jacobian @ jacobian.T + DAMPING**2 * np.eye(6))

    def violation(self, state: np.ndarray, actions: np.ndarray, states: np.ndarray) -> np.ndarray:
        if self._measured is None:
            return np.full(len(actions), np.inf)
        moved = states[:, : self._steps, :3] - state[:3]
        turned = np.cumsum(actions[:, : self._steps, 3:6], axis=1)
        joints = self._measured + np.concatenate([moved, turned], axis=2) @ self._inverse.T
        worst, before = self._excess(joints).max(axis=1), float(self._excess(self._measured))
        worst = np.where(worst <= max(TOLERANCE_RAD, before + TOLERANCE_RAD), 0.0, worst)
        return np.where(np.isfinite(worst), worst, np.inf)

    def reason(self, violation: float) -> str:
        if self._measured is None:
            return "joint margin: joint positions were not measured yet"
        return (
            f"joint margin: every plan brings a joint to within {self._margin_rad} rad of its limit, "
            f"the best by {violation:.3f} rad; move the arm away from its limits"
        )

    def _excess(self, joints: np.ndarray) -> np.ndarray:
        """How far (...) joints (..., n) are beyond the margin, the worst joint counting."""
        return np.maximum(np.maximum(self._low - joints, joints - self._high), 0.0).max(axis=-1)
