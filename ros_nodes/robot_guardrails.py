"""A robot's file as guardrails of the planner, so that no plan is made that safety would have to stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from robot_wm.cost.guardrail import Workspace
from robot_wm.cost.joints import JointMargin, JointSpeed
from robot_wm.cost.keep_out import KeepOut
from robot_wm.cost.term import Constraint
from ros_nodes.robot_config import RobotConfig

if TYPE_CHECKING:
    from robot_wm.kinematics import Arm


def guardrails_of(robot: RobotConfig, arm: Arm, step_s: float) -> list[Constraint]:
    """Joint speeds and margins, keep-out boxes for the tool, and the robot's own workspace.

    The planner knows the tool alone; `safety_node` watches the links against the same boxes.

    Args:
        step_s: Duration of one step of a plan, seconds.
    """
    safety, speeds = robot.safety, arm.joints.velocity * robot.speed
    found: list[Constraint] = [JointSpeed(arm, speeds, step_s), JointMargin(arm)]
    found += [
        KeepOut(box.low, box.high, radius_m=safety.margin_m, name=f"keep-out box '{name}'")
        for name, box in safety.keep_out
    ]
    if safety.workspace is not None:
        found.append(Workspace(safety.workspace.low, safety.workspace.high))
    return found


def load_guardrails(robot: str | Path, step_s: float) -> list[Constraint]:
    """`guardrails_of` a robot given by name or file; RobotConfigError when the file makes no sense."""
    config = RobotConfig.load(str(robot))
    return guardrails_of(config, config.arm(), step_s)
