"""A robot as a YAML file: joints, URDF, command and gripper interfaces, limits, topics and frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from ros_nodes.robot_description import Description
from ros_nodes.robot_fields import Fields, RobotConfigError
from ros_nodes.robot_interfaces import Command, Gripper, Topics
from ros_nodes.robot_safety import SafetyConfig

if TYPE_CHECKING:
    from robot_wm.kinematics import Arm
    from robot_wm.motion import MotionLimits

ROBOTS = Path(__file__).parent / "config" / "robots"


@dataclass(frozen=True)
class RobotConfig:
    """One robot; `acceleration` and `jerk` are per joint, `speed` a fraction of the URDF's velocity limits."""

    name: str
    description: Description
    base_frame: str
    ee_frame: str
    joints: tuple[str, ...]
    posture: tuple[float, ...]
    gripper: Gripper
    speed: float
    acceleration: tuple[float, ...]
    jerk: tuple[float, ...]
    command: Command
    topics: Topics
    safety: SafetyConfig = SafetyConfig()

    @classmethod
    def load(cls, robot: str) -> RobotConfig:
        """Reads a robot by name (a file of `ros_nodes/config/robots`) or by path, else raises RobotConfigError."""
        path = Path(robot) if robot.endswith((".yaml", ".yml")) else ROBOTS / f"{robot}.yaml"
        if not path.is_file():
            known = sorted(file.stem for file in ROBOTS.glob("*.yaml"))
            raise RobotConfigError(f"robot '{robot}': no file {path}; give a path to a YAML file or one of {known}")
        try:
            plain = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise RobotConfigError(f"{path}: not valid YAML: {error}") from error
        return cls._from_plain(plain, path)

    @classmethod
    def _from_plain(cls, plain: Any, path: Path) -> RobotConfig:
        texts, sections = ("name", "base_frame", "ee_frame"), ("gripper", "limits", "command", "topics")
        fields = Fields(plain, str(path), (*texts, *sections, "urdf", "joints", "posture"), ("safety",))
        limits = fields.section("limits", ("speed", "acceleration", "jerk"))
        return cls(
            name=fields.text("name"),
            description=_read_description(fields, plain["urdf"], path.parent),
            base_frame=fields.text("base_frame"),
            ee_frame=fields.text("ee_frame"),
            joints=fields.names("joints"),
            posture=fields.numbers("posture"),
            gripper=Gripper.read(fields),
            speed=limits.number("speed"),
            acceleration=limits.numbers("acceleration"),
            jerk=limits.numbers("jerk"),
            command=Command.read(fields),
            topics=Topics.read(fields),
            safety=SafetyConfig.read(fields),
        )

    def __post_init__(self) -> None:
        for name in ("posture", "acceleration", "jerk"):
            if len(getattr(self, name)) != len(self.joints):
                raise RobotConfigError(
                    f"robot '{self.name}': {name} has {len(getattr(self, name))} values for {len(self.joints)} joints"
                )
        if not 0.0 < self.speed <= 1.0:
            raise RobotConfigError(f"robot '{self.name}': limits.speed is {self.speed}; a fraction in (0, 1] is needed")
        if min(*self.acceleration, *self.jerk) <= 0.0:
            raise RobotConfigError(f"robot '{self.name}': limits.acceleration and limits.jerk must be positive")
        if self.gripper.closed == self.gripper.open:
            raise RobotConfigError(f"robot '{self.name}': gripper.closed and gripper.open are both {self.gripper.open}")

    def arm(self) -> Arm:
        """The kinematics of the robot's URDF."""
        from robot_wm.kinematics import Arm  # here, because who only wants names of topics needs no kinematics

        return Arm.from_urdf(self.description.urdf(), self.ee_frame, self.joints, source=self.description.uri)

    def motion_limits(self, arm: Arm) -> MotionLimits:
        """Velocity limits of the URDF scaled by `speed`, with the accelerations and jerks of this file."""
        from robot_wm.motion import MotionLimits

        return MotionLimits(arm.joints.velocity * self.speed, np.array(self.acceleration), np.array(self.jerk))


def _read_description(fields: Fields, urdf: Any, folder: Path) -> Description:
    if not isinstance(urdf, dict):
        return Description(fields.text("urdf"), folder)
    xacro = fields.section("urdf", ("xacro",), ("arguments",))
    arguments = {key: str(value) for key, value in xacro.mapping("arguments").items()}
    return Description(xacro.text("xacro"), folder, is_xacro=True, arguments=arguments)
