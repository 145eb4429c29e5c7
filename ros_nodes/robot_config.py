"""A robot as a YAML file: joints, URDF, gripper, limits and topics."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from robot_wm.errors import RobotWmError
from robot_wm.kinematics import Arm
from robot_wm.motion import MotionLimits

ROBOTS = Path(__file__).parent / "config" / "robots"


class RobotConfigError(RobotWmError):
    """A robot configuration is missing, malformed or does not fit its URDF."""


@dataclass(frozen=True)
class Gripper:
    """Gripper joints and their common position (m or rad) when closed and when open."""

    joints: tuple[str, ...]
    closed: float
    open: float

    def opening(self, positions: np.ndarray) -> float:
        """0 (closed) … 1 (open) from the joints' positions; slight overtravel counts as fully open or closed."""
        share = (float(np.mean(positions)) - self.closed) / (self.open - self.closed)
        return float(np.clip(share, 0.0, 1.0))

    def positions(self, opening: float) -> list[float]:
        """The joints' positions for an opening 0 … 1."""
        return [self.closed + float(np.clip(opening, 0.0, 1.0)) * (self.open - self.closed)] * len(self.joints)


@dataclass(frozen=True)
class Topics:
    """Names, relative to the node's namespace, of what the robot's drivers offer."""

    joint_states: str
    joint_trajectory: str
    gripper: str


@dataclass(frozen=True)
class RobotConfig:
    """One robot; `acceleration` and `jerk` are per joint, `speed` a fraction of the URDF's velocity limits."""

    name: str
    urdf: Path
    base_frame: str
    ee_frame: str
    joints: tuple[str, ...]
    posture: tuple[float, ...]
    gripper: Gripper
    speed: float
    acceleration: tuple[float, ...]
    jerk: tuple[float, ...]
    topics: Topics

    @classmethod
    def load(cls, robot: str) -> RobotConfig:
        """Reads a robot by name (a file of `ros_nodes/config/robots`) or by path, else raises RobotConfigError."""
        path = Path(robot) if robot.endswith((".yaml", ".yml")) else ROBOTS / f"{robot}.yaml"
        if not path.is_file():
            known = sorted(file.stem for file in ROBOTS.glob("*.yaml"))
            raise RobotConfigError(f"robot '{robot}': no file {path}; give a path to a YAML file or one of {known}")
        try:
            plain = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise RobotConfigError(f"{path}: not valid YAML: {error}") from error
        return cls._from_plain(plain, path)

    @classmethod
    def _from_plain(cls, plain: Any, path: Path) -> RobotConfig:
        own = {field.name for field in fields(cls)} - {"speed", "acceleration", "jerk"} | {"limits"}
        _check_keys(plain, own, str(path))
        for key, names in (
            ("gripper", {"joints", "closed", "open"}),
            ("limits", {"speed", "acceleration", "jerk"}),
            ("topics", {field.name for field in fields(Topics)}),
        ):
            _check_keys(plain[key], names, f"{path}: {key}")
        try:
            return cls(
                name=str(plain["name"]),
                urdf=resolve_uri(str(plain["urdf"]), path.parent),
                base_frame=str(plain["base_frame"]),
                ee_frame=str(plain["ee_frame"]),
                joints=tuple(str(joint) for joint in plain["joints"]),
                posture=tuple(float(value) for value in plain["posture"]),
                gripper=_read_gripper(plain["gripper"]),
                speed=float(plain["limits"]["speed"]),
                acceleration=tuple(float(value) for value in plain["limits"]["acceleration"]),
                jerk=tuple(float(value) for value in plain["limits"]["jerk"]),
                topics=Topics(**{key: str(value) for key, value in plain["topics"].items()}),
            )
        except (TypeError, ValueError) as error:
            raise RobotConfigError(f"{path}: a field has the wrong type: {error}") from error

    def __post_init__(self) -> None:
        for name in ("posture", "acceleration", "jerk"):
            if len(getattr(self, name)) != len(self.joints):
                raise RobotConfigError(
                    f"robot '{self.name}': {name} has {len(getattr(self, name))} values for {len(self.joints)} joints"
                )
        if not 0.0 < self.speed <= 1.0:
            raise RobotConfigError(f"robot '{self.name}': limits.speed is {self.speed}; a fraction in (0, 1] is needed")
        if self.gripper.closed == self.gripper.open:
            raise RobotConfigError(f"robot '{self.name}': gripper.closed and gripper.open are both {self.gripper.open}")

    def arm(self) -> Arm:
        """The kinematics of the robot's URDF."""
        return Arm.load(self.urdf, self.ee_frame, self.joints)

    def motion_limits(self, arm: Arm) -> MotionLimits:
        """Velocity limits of the URDF scaled by `speed`, with the accelerations and jerks of this file."""
        return MotionLimits(arm.joints.velocity * self.speed, np.array(self.acceleration), np.array(self.jerk))


def resolve_uri(uri: str, folder: Path) -> Path:
    """The file that `package://name/path` or a path (relative to `folder`) means; RobotConfigError if there is none."""
    if not uri.startswith("package://"):
        path = Path(uri) if Path(uri).is_absolute() else folder / uri
    else:
        package, _, inside = uri.removeprefix("package://").partition("/")
        path = _package_folder(package, uri) / inside
    if not path.is_file():
        raise RobotConfigError(f"'{uri}': no file {path}")
    return path


def _package_folder(package: str, uri: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    if importlib.util.find_spec("ament_index_python") is None:
        raise RobotConfigError(f"'{uri}': there is no Python package '{package}'; install it or give a path")
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        return Path(get_package_share_directory(package))
    except PackageNotFoundError as error:
        raise RobotConfigError(f"'{uri}': there is no Python or ROS package '{package}'; install it") from error


def _read_gripper(plain: dict[str, Any]) -> Gripper:
    return Gripper(tuple(str(joint) for joint in plain["joints"]), float(plain["closed"]), float(plain["open"]))


def _check_keys(plain: Any, expected: set[str], source: str) -> None:
    if not isinstance(plain, dict):
        raise RobotConfigError(f"{source}: expected a mapping with the keys {sorted(expected)}, got {plain!r}")
    missing, unknown = expected - plain.keys(), plain.keys() - expected
    if missing or unknown:
        raise RobotConfigError(f"{source}: missing keys {sorted(missing)}, unknown keys {sorted(unknown)}")
