"""Forward and differential inverse kinematics of one arm, by pinocchio and pink.

Poses are (x, y, z, qx, qy, qz, qw), metres and a unit quaternion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pinocchio as pin
from pink import Configuration, solve_ik
from pink.exceptions import PinkError
from pink.limits import ConfigurationLimit, VelocityLimit
from pink.tasks import FrameTask, PostureTask

from robot_wm.errors import RobotWmError

_SOLVER = "daqp"


class KinematicsError(RobotWmError):
    """A robot description, joint configuration or pose that kinematics cannot work with."""


@dataclass(frozen=True)
class JointRange:
    """Joint names with their limits from the URDF, each array (n,): radians (or metres) and per second."""

    names: tuple[str, ...]
    lower: np.ndarray
    upper: np.ndarray
    velocity: np.ndarray


class Arm:
    """The chain of `joints` that moves `ee_frame`; every other joint of the URDF is locked where it is zero.

    Poses are those of `ee_frame` in the URDF's root frame. Configurations are (n,) in the order of `joints.names`.
    """

    def __init__(self, model: pin.Model, ee_frame: str, joint_names: Sequence[str]) -> None:
        self._model = model
        self._data = model.createData()
        self._frame = model.getFrameId(ee_frame)
        index = np.array([model.joints[model.getJointId(name)].idx_q for name in joint_names])
        self._index = index
        self.ee_frame = ee_frame
        self.joints = JointRange(
            tuple(joint_names),
            model.lowerPositionLimit[index],
            model.upperPositionLimit[index],
            model.velocityLimit[index],
        )
        self._pose_task = FrameTask(ee_frame, position_cost=1.0, orientation_cost=0.3, lm_damping=1e-4)
        self._posture_task = PostureTask(cost=1e-3, gain=0.02)
        self._position_limit = ConfigurationLimit(model, config_limit_gain=1.0)

    @classmethod
    def load(cls, urdf: Path, ee_frame: str, joint_names: Sequence[str]) -> Arm:
        """Reads a URDF file; a missing file, frame or joint raises KinematicsError naming it."""
        urdf = Path(urdf)
        if not urdf.is_file():
            raise KinematicsError(f"{urdf}: no such URDF; give the path of the robot's description")
        return cls.from_urdf(urdf.read_text(encoding="utf-8"), ee_frame, joint_names, source=str(urdf))

    @classmethod
    def from_urdf(cls, text: str, ee_frame: str, joint_names: Sequence[str], *, source: str = "URDF") -> Arm:
        """Reads the text of a URDF; a missing frame or joint raises KinematicsError naming it and the `source`."""
        try:
            full = pin.buildModelFromXML(text)
        except (RuntimeError, ValueError) as error:
            raise KinematicsError(f"{source}: not a URDF that pinocchio reads: {error}") from error
        missing = [name for name in joint_names if not full.existJointName(name)]
        if missing:
            raise KinematicsError(f"{source}: no joints {missing}; it has {list(full.names[1:])}")
        if not full.existFrame(ee_frame):
            raise KinematicsError(f"{source}: no frame '{ee_frame}'; it has {[frame.name for frame in full.frames]}")
        locked = [full.getJointId(name) for name in full.names[1:] if name not in joint_names]
        model = pin.buildReducedModel(full, locked, pin.neutral(full))
        if model.nq != len(joint_names) or model.nv != model.nq:
            raise KinematicsError(f"{source}: joints {list(joint_names)} are not all single-axis joints with limits")
        return cls(model, ee_frame, joint_names)

    def forward(self, q: np.ndarray) -> np.ndarray:
        """The end-effector pose (7,) float64 of configuration `q` (n,)."""
        pin.framesForwardKinematics(self._model, self._data, self._to_model(q))
        return np.array(pin.SE3ToXYZQUAT(self._data.oMf[self._frame]))

    def track(
        self, pose: np.ndarray, q: np.ndarray, time_s: float, *, posture: np.ndarray | None = None, speed: float = 1.0
    ) -> np.ndarray:
        """Joint velocity (n,) that would bring `q` to `pose` in `time_s`, inside position and velocity limits.

        Applied for a tick shorter than `time_s`, it approaches the pose exponentially with that time constant.

        Args:
            pose: Target (7,) of the end effector.
            q: Configuration (n,) to start from.
            time_s: Time in which to be there, seconds.
            posture: Configuration (n,) that the spare degrees of freedom prefer; `q` itself when None.
            speed: Fraction of the URDF's velocity limits that may be used, 0 … 1.

        Raises:
            KinematicsError: A pose or configuration that is not finite, or an inverse problem without solution.
        """
        start = np.clip(self._to_model(q), self._model.lowerPositionLimit, self._model.upperPositionLimit)
        configuration = Configuration(self._model, self._data, start)
        self._pose_task.set_target(_to_se3(pose))
        self._posture_task.set_target(start if posture is None else self._to_model(posture))
        limits = [self._position_limit, VelocityLimit(self._model, speed * self._model.velocityLimit)]
        try:
            velocity = solve_ik(
                configuration,
                [self._pose_task, self._posture_task],
                time_s,
                solver=_SOLVER,
                damping=1e-8,
                limits=limits,
                safety_break=False,
            )
        except PinkError as error:
            where = f"pose {np.round(pose, 3)} from joints {np.round(q, 3)}"
            raise KinematicsError(f"no joint velocity towards {where}: {error}") from error
        return velocity[self._index]

    def jacobian(self, q: np.ndarray) -> np.ndarray:
        """(6, n): linear and angular velocity of the end effector, in the root frame, per velocity of each joint."""
        full = pin.computeFrameJacobian(
            self._model, self._data, self._to_model(q), self._frame, pin.ReferenceFrame.LOCAL_WORLD_ALIGNED
        )
        return full[:, self._index]

    def inverse(
        self, pose: np.ndarray, q_start: np.ndarray, *, tolerance: float = 1e-4, max_steps: int = 200
    ) -> np.ndarray:
        """A configuration (n,) whose end effector is at `pose`, found by tracking it from `q_start`.

        Raises:
            KinematicsError: The pose was not reached to within `tolerance` (metres and radians) in `max_steps`.
        """
        q = np.array(q_start, dtype=float)
        for _ in range(max_steps):
            if pose_distance(self.forward(q), pose) < tolerance:
                return q
            q = q + 0.05 * self.track(pose, q, 0.05)
        raise KinematicsError(f"pose {np.round(pose, 3)} is out of reach: came to {np.round(self.forward(q), 3)}")

    def _to_model(self, q: np.ndarray) -> np.ndarray:
        q = np.asarray(q, dtype=float)
        if q.shape != self._index.shape or not np.all(np.isfinite(q)):
            raise KinematicsError(f"configuration is {q}; {len(self._index)} finite numbers {self.joints.names} needed")
        ordered = np.empty_like(q)
        ordered[self._index] = q
        return ordered


def interpolate_pose(start: np.ndarray, end: np.ndarray, fraction: float) -> np.ndarray:
    """The pose (7,) a `fraction` (0 … 1) of the way from `start` to `end`: straight line, shortest rotation."""
    a, b = _to_se3(start), _to_se3(end)
    position = a.translation + fraction * (b.translation - a.translation)
    rotation = pin.Quaternion(a.rotation).slerp(fraction, pin.Quaternion(b.rotation))
    return np.concatenate([position, rotation.coeffs()])


def pose_change(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """What leads from one pose (7,) to another, in the base frame (6,): displacement in metres and rotation vector."""
    a, b = _to_se3(start), _to_se3(end)
    return np.concatenate([b.translation - a.translation, pin.log3(b.rotation @ a.rotation.T)])


def pose_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The larger of the distance in metres and the angle in radians between two poses (7,)."""
    difference = _to_se3(a).actInv(_to_se3(b))
    return float(max(np.linalg.norm(difference.translation), np.linalg.norm(pin.log3(difference.rotation))))


def _to_se3(pose: np.ndarray) -> pin.SE3:
    pose = np.asarray(pose, dtype=float)
    if pose.shape != (7,) or not np.all(np.isfinite(pose)) or np.linalg.norm(pose[3:]) < 0.5:
        raise KinematicsError(f"pose is {pose}; expected finite (x, y, z, qx, qy, qz, qw) with a unit quaternion")
    return pin.XYZQUATToSE3(np.concatenate([pose[:3], pose[3:] / np.linalg.norm(pose[3:])]))
