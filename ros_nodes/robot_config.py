"""A robot as a YAML file: joints, URDF, command and gripper interfaces, limits, topics and frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import yaml

from robot_wm.contract import Camera
from ros_nodes.robot_description import Description
from ros_nodes.robot_fields import Fields, RobotConfigError

if TYPE_CHECKING:
    from robot_wm.kinematics import Arm
    from robot_wm.motion import MotionLimits

ROBOTS = Path(__file__).parent / "config" / "robots"
INTERFACES = ("joint_trajectory", "servo_twist", "cartesian_pose")
"""How an arm can be commanded; see `arm_commands.py`."""


@dataclass(frozen=True)
class Endpoint:
    """A topic or an action, its name relative to the node's namespace."""

    kind: Literal["topic", "action"]
    name: str


@dataclass(frozen=True)
class Command:
    """How the arm is commanded.

    Attributes:
        interface: One of `INTERFACES`.
        endpoint: Where commands go; only `joint_trajectory` knows actions.
        velocities: Whether trajectory points on a topic carry velocities. A joint_trajectory_controller refuses those
            unless its parameter `allow_nonzero_velocity_at_trajectory_end` is true.
    """

    interface: str
    endpoint: Endpoint
    velocities: bool = False


@dataclass(frozen=True)
class Gripper:
    """Gripper joints, their common position (m or rad) when closed and when open, and how they are commanded."""

    joints: tuple[str, ...]
    closed: float
    open: float
    endpoint: Endpoint
    max_effort: float = 0.0
    """Effort limit of the action's goals, N or Nm; 0 leaves it to the driver."""

    def opening(self, positions: np.ndarray) -> float:
        """0 (closed) … 1 (open) from the joints' positions; slight overtravel counts as fully open or closed."""
        share = (float(np.mean(positions)) - self.closed) / (self.open - self.closed)
        return float(np.clip(share, 0.0, 1.0))

    def positions(self, opening: float) -> list[float]:
        """The joints' positions for an opening 0 … 1."""
        return [self.closed + float(np.clip(opening, 0.0, 1.0)) * (self.open - self.closed)] * len(self.joints)


@dataclass(frozen=True)
class CameraTopics:
    """Where a camera of the contract is found on this robot."""

    image: str
    info: str
    frame: str


@dataclass(frozen=True)
class Topics:
    """Names, relative to the node's namespace, of what the robot's drivers publish."""

    joint_states: str
    cameras: dict[str, CameraTopics]

    def camera(self, camera: Camera) -> CameraTopics:
        """The topics of a camera of the contract; those of the contract where the robot names no others."""
        info = camera.topic.rpartition("/")[0] + "/camera_info"
        return self.cameras.get(camera.name, CameraTopics(camera.topic, info, camera.frame))


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
        fields = Fields(plain, str(path), (*texts, *sections, "urdf", "joints", "posture"))
        limits = fields.section("limits", ("speed", "acceleration", "jerk"))
        return cls(
            name=fields.text("name"),
            description=_read_description(fields, plain["urdf"], path.parent),
            base_frame=fields.text("base_frame"),
            ee_frame=fields.text("ee_frame"),
            joints=fields.names("joints"),
            posture=fields.numbers("posture"),
            gripper=_read_gripper(fields),
            speed=limits.number("speed"),
            acceleration=limits.numbers("acceleration"),
            jerk=limits.numbers("jerk"),
            command=_read_command(fields),
            topics=_read_topics(fields),
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


def _read_command(fields: Fields) -> Command:
    command = fields.section("command", ("interface",), ("topic", "action", "velocities"))
    interface, endpoint = command.choice("interface", INTERFACES), _read_endpoint(command)
    if endpoint.kind == "action" and interface != "joint_trajectory":
        raise RobotConfigError(f"{command.source}: '{interface}' is sent on a topic; give 'topic' in place of 'action'")
    return Command(interface, endpoint, command.flag("velocities", default=False))


def _read_gripper(fields: Fields) -> Gripper:
    gripper = fields.section("gripper", ("joints", "closed", "open"), ("topic", "action", "max_effort"))
    closed, opened = gripper.number("closed"), gripper.number("open")
    effort = gripper.number("max_effort", 0.0)
    return Gripper(gripper.names("joints"), closed, opened, _read_endpoint(gripper), effort)


def _read_endpoint(fields: Fields) -> Endpoint:
    if ("topic" in fields) == ("action" in fields):
        raise RobotConfigError(f"{fields.source}: give either 'topic' or 'action'")
    return Endpoint("topic", fields.text("topic")) if "topic" in fields else Endpoint("action", fields.text("action"))


def _read_topics(fields: Fields) -> Topics:
    topics = fields.section("topics", ("joint_states",), ("cameras",))
    cameras = {}
    for name, plain in topics.mapping("cameras").items():
        camera = Fields(plain, f"{topics.source}: cameras: {name}", ("image", "info", "frame"))
        cameras[name] = CameraTopics(camera.text("image"), camera.text("info"), camera.text("frame"))
    return Topics(topics.text("joint_states"), cameras)
