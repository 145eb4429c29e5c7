"""Which class commands a robot's arm and gripper, by what its file says."""

from __future__ import annotations

from ros_nodes.arm_commands import ArmCommand, CartesianPose, JointTrajectoryTopic, ServoTwist
from ros_nodes.arm_goals import JointTrajectoryGoals
from ros_nodes.gripper_commands import GripperGoals, GripperInterface, GripperTopic
from ros_nodes.robot_config import RobotConfig

_ARMS: dict[tuple[str, str], type[ArmCommand]] = {
    ("joint_trajectory", "topic"): JointTrajectoryTopic,
    ("joint_trajectory", "action"): JointTrajectoryGoals,
    ("servo_twist", "topic"): ServoTwist,
    ("cartesian_pose", "topic"): CartesianPose,
}
_GRIPPERS: dict[str, type[GripperInterface]] = {"topic": GripperTopic, "action": GripperGoals}


def arm_interface(robot: RobotConfig) -> type[ArmCommand]:
    """The class for the arm."""
    return _ARMS[robot.command.interface, robot.command.endpoint.kind]


def gripper_interface(robot: RobotConfig) -> type[GripperInterface]:
    """The class for the gripper."""
    return _GRIPPERS[robot.gripper.endpoint.kind]
