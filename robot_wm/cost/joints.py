"""Guardrails of the joints: they keep away from their limits, and below their greatest speeds."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from robot_wm.cost.term import Constraint
from robot_wm.errors import RobotWmError
from robot_wm.safety.limits import require_finite

TOLERANCE_RAD = 1e-5
TOLERANCE_RAD_S = 1e-3
DAMPING = 0.02
JUDGED_STEPS = 3


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


class JointGuardrail(Constraint):
    """A limit of the joints in the first steps of a plan; before the first measurement no plan is feasible.

    Joints are followed to first order from where they were last measured, by the damped inverse of the Jacobian
    (Nakamura & Hanafusa 1986); this is good for the few steps that are executed before the next plan.

    Args:
        steps: So many steps of each plan are judged.
    """

    def __init__(self, arm: ArmModel, steps: int) -> None:
        self._arm, self._steps = arm, steps
        self._measured: np.ndarray | None = None

    def observe(self, joints: np.ndarray) -> None:
        """Takes the measured positions (n,), radians; ObservationError when they are not finite."""
        self._measured = require_finite(np.array(joints, dtype=float), "joint positions")
        jacobian = self._arm.jacobian(self._measured)
        self._inverse = jacobian.T @ np.linalg.inv(jacobian @ jacobian.T + DAMPING**2 * np.eye(6))

    def _displacements(self, actions: np.ndarray) -> np.ndarray:
        """Joint displacements (C, steps, n) of actions (C, H, 7), step by step."""
        return actions[:, : self._steps, :6] @ self._inverse.T


class JointMargin(JointGuardrail):
    """The first steps of a plan keep each joint `margin_rad` away from its limits.

    A start within the margin may move along or out, never further in.
    """

    def __init__(self, arm: ArmModel, *, margin_rad: float = 0.05, steps: int = JUDGED_STEPS) -> None:
        super().__init__(arm, steps)
        self._low, self._high = arm.joints.lower + margin_rad, arm.joints.upper - margin_rad
        self._margin_rad = margin_rad

    def violation(self, state: np.ndarray, actions: np.ndarray, states: np.ndarray) -> np.ndarray:
        if self._measured is None:
            return np.full(len(actions), np.inf)
        joints = self._measured + np.cumsum(self._displacements(actions), axis=1)
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


class JointSpeed(JointGuardrail):
    """The first steps of a plan keep each joint below its greatest speed; a plan that is too fast is slowed down.

    Args:
        velocity: (n,) greatest speeds, radians a second.
        step_s: Duration of one step.

    Raises:
        RobotWmError: The speeds are not one positive number for each joint.
    """

    def __init__(self, arm: ArmModel, velocity: np.ndarray, step_s: float, *, steps: int = JUDGED_STEPS) -> None:
        super().__init__(arm, steps)
        self._most = np.asarray(velocity, dtype=float) * step_s
        self._step_s = step_s
        if self._most.shape != np.shape(arm.joints.lower) or not np.all(self._most > 0):
            raise RobotWmError(
                f"joint speeds: got {np.asarray(velocity).tolist()} rad/s for {len(arm.joints.lower)} joints; "
                "a positive number for each is needed"
            )

    def violation(self, state: np.ndarray, actions: np.ndarray, states: np.ndarray) -> np.ndarray:
        if self._measured is None:
            return np.full(len(actions), np.inf)
        excess = (np.abs(self._displacements(actions)) - self._most).max(axis=(1, 2)) / self._step_s
        excess = np.where(excess <= TOLERANCE_RAD_S, 0.0, excess)
        return np.where(np.isfinite(excess), excess, np.inf)

    def repair(self, state: np.ndarray, actions: np.ndarray) -> np.ndarray:
        if self._measured is None:
            return actions
        ratio = (np.abs(self._displacements(actions)) / self._most).max(axis=2)
        repaired = actions.copy()
        repaired[:, : self._steps, :6] /= np.maximum(ratio, 1.0)[..., None]
        return repaired

    def reason(self, violation: float) -> str:
        if self._measured is None:
            return "joint speed: joint positions were not measured yet"
        return (
            f"joint speed: every plan is too fast for a joint, the best by {violation:.3f} rad/s; slow the robot down"
        )
