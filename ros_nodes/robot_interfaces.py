"""The interfaces of a robot: how arm and gripper are commanded, and what its drivers publish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from robot_wm.contract import Camera
from ros_nodes.robot_fields import Fields, RobotConfigError

INTERFACES = ("joint_trajectory", "servo_twist", "cartesian_pose")
"""How an arm can be commanded; see `arm_commands.py`."""


@dataclass(frozen=True)
class Endpoint:
    """A topic or an action, its name relative to the node's namespace."""

    kind: Literal["topic", "action"]
    name: str

    @classmethod
    def read(cls, fields: Fields) -> Endpoint:
        """The one of the keys `topic` and `action` that is there; RobotConfigError for both or none."""
        if ("topic" in fields) == ("action" in fields):
            raise RobotConfigError(f"{fields.source}: give either 'topic' or 'action'")
        return cls("topic", fields.text("topic")) if "topic" in fields else cls("action", fields.text("action"))


@dataclass(frozen=True)
class Command:
    """How the arm is commanded.

    Attributes:
        interface: One of `INTERFACES`.
        endpoint: Where commands go; only `joint_trajectory` knows actions.
        velocities: Whether trajectory points on a topic carry velocities. A joint_trajectory_controller refuses those
            unless its parameter `allow_nonzero_velocity_at_trajectory_end` is true.
        stamped: Whether trajectories on a topic carry the time at which they start, so that one that comes late is
            joined where it is by then; the driver's clock must be ours.
    """

    interface: str
    endpoint: Endpoint
    velocities: bool = False
    stamped: bool = False

    @classmethod
    def read(cls, fields: Fields) -> Command:
        """The section `command` of a robot's file."""
        command = fields.section("command", ("interface",), ("topic", "action", "velocities", "stamped"))
        interface, endpoint = command.choice("interface", INTERFACES), Endpoint.read(command)
        if endpoint.kind == "action" and interface != "joint_trajectory":
            raise RobotConfigError(
                f"{command.source}: '{interface}' is sent on a topic; give 'topic' in place of 'action'"
            )
        velocities, stamped = command.flag("velocities", default=False), command.flag("stamped", default=False)
        return cls(interface, endpoint, velocities, stamped)


@dataclass(frozen=True)
class Gripper:
    """Gripper joints, their common position (m or rad) when closed and when open, and how they are commanded."""

    joints: tuple[str, ...]
    closed: float
    open: float
    endpoint: Endpoint
    max_effort: float = 0.0
    """Effort limit of the action's goals, N or Nm; 0 leaves it to the driver."""

    @classmethod
    def read(cls, fields: Fields) -> Gripper:
        """The section `gripper` of a robot's file."""
        gripper = fields.section("gripper", ("joints", "closed", "open"), ("topic", "action", "max_effort"))
        closed, opened = gripper.number("closed"), gripper.number("open")
        return cls(gripper.names("joints"), closed, opened, Endpoint.read(gripper), gripper.number("max_effort", 0.0))

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

    @classmethod
    def read(cls, fields: Fields) -> Topics:
        """The section `topics` of a robot's file."""
        topics = fields.section("topics", ("joint_states",), ("cameras",))
        cameras = {}
        for name, plain in topics.mapping("cameras").items():
            camera = Fields(plain, f"{topics.source}: cameras: {name}", ("image", "info", "frame"))
            cameras[name] = CameraTopics(camera.text("image"), camera.text("info"), camera.text("frame"))
        return cls(topics.text("joint_states"), cameras)

    def camera(self, camera: Camera) -> CameraTopics:
        """The topics of a camera of the contract; those of the contract where the robot names no others."""
        info = camera.topic.rpartition("/")[0] + "/camera_info"
        return self.cameras.get(camera.name, CameraTopics(camera.topic, info, camera.frame))
