"""How joint motions reach an arm on topics: one small class for each command interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from builtin_interfaces.msg import Time as TimeMsg
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, TwistStamped, Vector3
from rclpy.callback_groups import CallbackGroup
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from robot_wm.kinematics import Arm, pose_change
from robot_wm.motion import Motion
from ros_nodes.conversions import duration
from ros_nodes.managed_node import ManagedNode
from ros_nodes.qos import LATEST
from ros_nodes.robot_config import RobotConfig

_ZERO_TWISTS = 25
"""Zero twists after a stop: MoveIt Servo wants some of them, and other sources of commands want silence after that."""


COMMAND, GRIPPER_COMMAND = "safety/joint_trajectory", "safety/gripper"
"""Where every source sends what the arm's and the gripper's joints are to do; safety_node listens there."""


class MotionSource(Protocol):
    """Who makes the motions."""

    @property
    def following_stamp_s(self) -> float | None:
        """Changes when what is followed changes; None while holding."""

    def ahead(self, now_s: float, horizon_s: float, tick_s: float) -> list[Motion]:
        """The motions after each of the next ticks, and then the stop; empty at rest."""


@dataclass(frozen=True)
class Drive:
    """What commands are made from: the node, its robot, who makes the motions, and whom to tell what to destroy."""

    node: ManagedNode
    robot: RobotConfig
    arm: Arm
    source: MotionSource
    group: CallbackGroup
    on_cleanup: Callable[[Callable[[], Any]], None]


@dataclass(frozen=True)
class Tick:
    """When a motion is due, and what comes after it.

    Attributes:
        time_s: From now to when it is due.
        tail: The way to rest after it, for interfaces that can take it along.
        spacing_s: Time between the motions of the tail.
        trusts_clock: Without it the motion counts from when it arrives, whatever the clock says: with the stamp of a
            clock that leads, a robot would coast.
        begun: ROS time at which the tick began, the present by default. By this stamp a robot knows what was held up
            on its way, even in a process that was frozen before it had sent it.
    """

    time_s: float
    tail: Sequence[Motion] = ()
    spacing_s: float = 0.0
    trusts_clock: bool = True
    begun: TimeMsg | None = None


class ArmCommand(Protocol):
    """A command interface.

    Attributes:
        tracking: What of a motion the arm follows; see `FollowerSettings`.
    """

    tracking: Literal["joints", "pose", "velocity"]

    def __init__(self, drive: Drive) -> None: ...

    def send(self, motion: Motion | None, tick: Tick) -> None:
        """Commands the motion that is due at the end of a tick; None means that the arm rests and is to stay there."""


class JointTrajectoryTopic:
    """One trajectory a tick for a joint_trajectory_controller, which holds the end of the last one by itself.

    With the way to rest at its end, the arm brakes within its limits when nothing follows; and the last velocity is
    zero, as a joint_trajectory_controller wants it unless it was told otherwise.
    """

    tracking: Literal["joints", "pose", "velocity"] = "joints"

    def __init__(self, drive: Drive) -> None:
        self._names, self._command, self._clock = list(drive.robot.joints), drive.robot.command, drive.node.get_clock()
        self._publisher = drive.node.advertise(JointTrajectory, self._command.endpoint.name, LATEST)

    def send(self, motion: Motion | None, tick: Tick) -> None:
        """Publishes the motion; at rest there is nothing to say."""
        if motion is None:
            return
        points = [self._point(motion, tick.time_s)]
        points += [self._point(each, tick.time_s + tick.spacing_s * n) for n, each in enumerate(tick.tail, start=1)]
        message = JointTrajectory(joint_names=self._names, points=points)
        if self._command.stamped and tick.trusts_clock:
            message.header.stamp = self._clock.now().to_msg() if tick.begun is None else tick.begun
        self._publisher.publish(message)

    def _point(self, motion: Motion, time_s: float) -> JointTrajectoryPoint:
        velocities = motion.velocity.tolist() if self._command.velocities else []
        return JointTrajectoryPoint(
            positions=motion.position.tolist(), velocities=velocities, time_from_start=duration(time_s)
        )


class GuardedJoints:
    """One stamped point a tick for safety_node, whatever the robot's own interface is."""

    tracking: Literal["joints", "pose", "velocity"] = "joints"

    def __init__(self, drive: Drive) -> None:
        self._drive = drive
        self._publisher = drive.node.advertise(JointTrajectory, COMMAND, LATEST)

    def send(self, motion: Motion | None, tick: Tick) -> None:
        """Publishes the motion; at rest there is nothing to say."""
        if motion is None:
            return
        message = JointTrajectory(joint_names=list(self._drive.robot.joints))
        message.header.stamp = self._drive.node.get_clock().now().to_msg()
        positions, velocities = motion.position.tolist(), motion.velocity.tolist()
        message.points = [
            JointTrajectoryPoint(positions=positions, velocities=velocities, time_from_start=duration(tick.time_s))
        ]
        self._publisher.publish(message)


class ServoTwist:
    """The end effector's velocity in the base frame, for MoveIt Servo with `command_in_type: speed_units`."""

    tracking: Literal["joints", "pose", "velocity"] = "velocity"

    def __init__(self, drive: Drive) -> None:
        self._drive, self._zeros_left = drive, 0
        self._publisher = drive.node.advertise(TwistStamped, drive.robot.command.endpoint.name, LATEST)

    def send(self, motion: Motion | None, tick: Tick) -> None:
        """Publishes the twist of the motion; at rest some zero twists, then nothing."""
        message = TwistStamped()
        message.header.stamp = self._drive.node.get_clock().now().to_msg()
        message.header.frame_id = self._drive.robot.base_frame
        if motion is not None:
            self._zeros_left, arm = _ZERO_TWISTS, self._drive.arm
            before = arm.forward(motion.position - tick.time_s * motion.velocity)
            twist = (pose_change(before, arm.forward(motion.position)) / tick.time_s).tolist()
            message.twist.linear = Vector3(x=twist[0], y=twist[1], z=twist[2])
            message.twist.angular = Vector3(x=twist[3], y=twist[4], z=twist[5])
        elif self._zeros_left:
            self._zeros_left -= 1
        else:
            return
        self._publisher.publish(message)


class CartesianPose:
    """The pose that the end effector is to have, in the base frame; its controller holds the last one by itself."""

    tracking: Literal["joints", "pose", "velocity"] = "pose"

    def __init__(self, drive: Drive) -> None:
        self._drive = drive
        self._publisher = drive.node.advertise(PoseStamped, drive.robot.command.endpoint.name, LATEST)

    def send(self, motion: Motion | None, tick: Tick) -> None:
        """Publishes the motion's pose; at rest there is nothing to say."""
        if motion is None:
            return
        x, y, z, qx, qy, qz, qw = self._drive.arm.forward(motion.position).tolist()
        pose = Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw))
        message = PoseStamped(pose=pose)
        message.header.stamp = self._drive.node.get_clock().now().to_msg()
        message.header.frame_id = self._drive.robot.base_frame
        self._publisher.publish(message)
