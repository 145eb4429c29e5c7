"""What a robot's file says of its safety: workspace, keep-out boxes and clearance."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from ros_nodes.robot_fields import Fields, RobotConfigError

if TYPE_CHECKING:
    from robot_wm.kinematics import Arm
    from robot_wm.safety.constraints import Constraint
    from ros_nodes.robot_config import RobotConfig

_LEAST_MARGIN_M = 0.002


@dataclass(frozen=True)
class BoxLimits:
    """Corners (x, y, z) of a box in the base frame, metres."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def read(cls, fields: Fields) -> BoxLimits:
        """The keys `low` and `high`; RobotConfigError unless three numbers each, low below high."""
        low, high = fields.numbers("low"), fields.numbers("high")
        if len(low) != 3 or len(high) != 3 or any(a >= b for a, b in zip(low, high, strict=True)):
            raise RobotConfigError(f"{fields.source}: low {low} and high {high} must be x, y, z with low < high")
        return cls(low, high)


@dataclass(frozen=True)
class SafetyConfig:
    """The section `safety` of a robot's file.

    Attributes:
        workspace: Where the tool may be; None for everywhere that the joints reach.
        keep_out: Boxes that no moving link enters, by name.
        shapes: The URDF's shapes by which clearance is measured; `none` gives clearance up.
        margin_m: Least distance of links from boxes and from one another, metres.
    """

    workspace: BoxLimits | None = None
    keep_out: tuple[tuple[str, BoxLimits], ...] = ()
    shapes: Literal["collision", "visual", "none"] = "collision"
    margin_m: float = _LEAST_MARGIN_M

    @classmethod
    def read(cls, fields: Fields) -> SafetyConfig:
        """The section, or what holds where it is missing; RobotConfigError for what makes no sense."""
        if "safety" not in fields:
            return cls()
        safety = fields.section("safety", (), ("workspace", "keep_out", "clearance"))
        corners = ("low", "high")
        workspace = BoxLimits.read(safety.section("workspace", corners)) if "workspace" in safety else None
        boxes = {
            name: BoxLimits.read(Fields(plain, f"{safety.source}: keep_out: {name}", corners))
            for name, plain in safety.mapping("keep_out").items()
        }
        if "clearance" not in safety:
            return cls(workspace, tuple(boxes.items()))
        clearance = safety.section("clearance", ("shapes",), ("margin",))
        shapes = cast(
            Literal["collision", "visual", "none"], clearance.choice("shapes", ("collision", "visual", "none"))
        )
        return cls(workspace, tuple(boxes.items()), shapes, clearance.number("margin", _LEAST_MARGIN_M))

    def loosened(self) -> list[str]:
        """What is looser than the defaults, and so needs a flag."""
        loose = []
        if self.shapes == "none":
            loose.append("clearance.shapes is none: neither self-collision nor keep-out boxes are watched")
        if self.margin_m < _LEAST_MARGIN_M:
            loose.append(f"clearance.margin is {self.margin_m} m, less than {_LEAST_MARGIN_M} m")
        return loose


def constraints_of(robot: RobotConfig, arm: Arm) -> list[Constraint]:
    """What the robot's configurations must keep to.

    Raises:
        ConstraintError: The shapes of the URDF that clearance needs are not there.
    """
    from robot_wm.safety.constraints import Box, Clearance, JointRanges, Workspace

    safety = robot.safety
    found: list[Constraint] = [JointRanges(arm.joints.lower, arm.joints.upper)]
    if safety.workspace is not None:
        found.append(Workspace(arm.forward, np.array(safety.workspace.low), np.array(safety.workspace.high)))
    if safety.shapes != "none":
        boxes = [Box(name, box.low, box.high) for name, box in safety.keep_out]
        urdf, posture = robot.description.urdf(), np.array(robot.posture)
        shares = [Path(prefix) / "share" for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(":") if prefix]
        found.append(
            Clearance(urdf, arm, boxes, posture, shapes=safety.shapes, margin_m=safety.margin_m, folders=shares)
        )
    return found
