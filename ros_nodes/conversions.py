"""Between standard messages and arrays; every function checks what it reads and names the topic that was wrong."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Duration
from builtin_interfaces.msg import Time as TimeMsg
from geometry_msgs.msg import Quaternion, Transform, Vector3
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory, MultiDOFJointTrajectoryPoint

from robot_wm.contract import Camera
from robot_wm.errors import ObservationError, RobotWmError
from ros_nodes.robot_config import RobotConfig
from ros_nodes.robot_interfaces import Gripper

GRIPPER = "gripper"
"""Name of the second 'joint' of a plan: the gripper's opening 0 … 1, as the translation x of its transform."""


class MessageError(RobotWmError):
    """A message whose fields contradict each other or the interface."""


@dataclass(frozen=True)
class Plan:
    """An end-effector chunk.

    Attributes:
        stamp_s: Time of the observation that it was planned from, seconds of the ROS clock.
        times_s: When each pose is due, seconds after `stamp_s` (H,); H is 0 for "stop".
        poses: End-effector poses (H, 7) in the base frame.
        openings: Gripper openings (H,), 0 … 1.
    """

    stamp_s: float
    times_s: np.ndarray
    poses: np.ndarray
    openings: np.ndarray


def seconds(stamp: TimeMsg | Duration) -> float:
    """A stamp or duration in seconds."""
    return float(stamp.sec) + 1e-9 * float(stamp.nanosec)


def duration(value_s: float) -> Duration:
    """Seconds (≥ 0) as a Duration message."""
    nanoseconds = round(value_s * 1e9)
    return Duration(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def image_to_array(message: Image, camera: Camera, topic: str) -> np.ndarray:
    """The pixels uint8 (H, W, 3) of an image that must be what the contract says of `camera`.

    Raises:
        ObservationError: Another encoding or size, or a buffer that does not fit them.
    """
    if message.encoding != camera.encoding:
        raise ObservationError(
            f"{topic}: image encoding is '{message.encoding}', the model was trained on '{camera.encoding}'; "
            "set the camera driver's encoding or convert it with image_proc"
        )
    if (message.height, message.width) != (camera.height, camera.width):
        raise ObservationError(
            f"{topic}: image is {message.width}x{message.height}, the model was trained on "
            f"{camera.width}x{camera.height}; set the camera driver's size or add image_proc's resize node"
        )
    return _rows(message, message.width * 3, np.uint8, topic).reshape(message.height, message.width, 3)


def array_to_image(pixels: np.ndarray, stamp: TimeMsg, frame: str) -> Image:
    """An rgb8 image of uint8 (H, W, 3)."""
    height, width, _ = pixels.shape
    message = Image(height=height, width=width, encoding="rgb8", is_bigendian=0, step=3 * width)
    message.header.stamp, message.header.frame_id = stamp, frame
    message.data = array("B", pixels.tobytes())
    return message


def latent_to_image(latent: np.ndarray, stamp: TimeMsg, frame: str) -> Image:
    """A latent float32 (N, D) as a 32FC1 image: rows are tokens, columns are channels."""
    tokens, channels = latent.shape
    message = Image(height=tokens, width=channels, encoding="32FC1", is_bigendian=0, step=4 * channels)
    message.header.stamp, message.header.frame_id = stamp, frame
    message.data = array("B", np.ascontiguousarray(latent, dtype="<f4").tobytes())
    return message


def image_to_latent(message: Image, shape: tuple[int, int], topic: str) -> np.ndarray:
    """The latent float32 (N, D) of a 32FC1 image; ObservationError for another encoding, size or numbers not finite."""
    if message.encoding != "32FC1" or message.is_bigendian:
        raise ObservationError(f"{topic}: encoding is '{message.encoding}', expected little-endian '32FC1' latents")
    if (message.height, message.width) != shape:
        raise ObservationError(
            f"{topic}: latent is {message.height}x{message.width}, the planner's bundle has {shape[0]}x{shape[1]}; "
            "give perception_node and planner_node the same bundle"
        )
    latent = _rows(message, 4 * message.width, np.dtype("<f4"), topic).astype(np.float32)
    if not np.all(np.isfinite(latent)):
        raise ObservationError(f"{topic}: the latent holds numbers that are not finite")
    return latent


def _rows(message: Image, row_bytes: int, dtype: np.dtype | type, topic: str) -> np.ndarray:
    data = np.frombuffer(message.data, dtype=np.uint8)
    if message.step < row_bytes or data.size != message.step * message.height:
        raise ObservationError(
            f"{topic}: {data.size} bytes with step {message.step} do not hold {message.height} rows of {row_bytes}"
        )
    rows = data.reshape(message.height, message.step)[:, :row_bytes]
    return np.ascontiguousarray(rows).view(dtype)


def camera_info(intrinsics: np.ndarray, height: int, width: int, stamp: TimeMsg, frame: str) -> CameraInfo:
    """CameraInfo of an undistorted pin-hole camera with matrix K (3, 3)."""
    message = CameraInfo(height=height, width=width, distortion_model="plumb_bob", d=[0.0] * 5)
    message.header.stamp, message.header.frame_id = stamp, frame
    message.k = np.asarray(intrinsics, dtype=np.float64).ravel()
    message.r = np.eye(3).ravel()
    message.p = np.hstack([np.asarray(intrinsics, dtype=np.float64), np.zeros((3, 1))]).ravel()
    return message


def joints_from(message: JointState, names: tuple[str, ...], topic: str) -> np.ndarray:
    """Positions (n,) of the named joints; MessageError when one is missing or not finite."""
    index = {name: position for position, name in enumerate(message.name)}
    missing = [name for name in names if name not in index or index[name] >= len(message.position)]
    if missing:
        raise MessageError(
            f"{topic}: no position of {missing}; it has {list(message.name)}; check the robot's 'joints'"
        )
    positions = np.array([message.position[index[name]] for name in names])
    if not np.all(np.isfinite(positions)):
        raise MessageError(f"{topic}: positions {positions} are not all finite")
    return positions


def arm_state_from(message: JointState, robot: RobotConfig, topic: str) -> tuple[np.ndarray, float]:
    """Positions (n,) of the arm's joints and the gripper's opening, 0 … 1; MessageError as in `joints_from`."""
    fingers = joints_from(message, robot.gripper.joints, topic)
    return joints_from(message, robot.joints, topic), robot.gripper.opening(fingers)


def joint_command_from(
    message: JointTrajectory, names: tuple[str, ...], topic: str
) -> tuple[np.ndarray, np.ndarray, float]:
    """Position (n,), velocity (n,) and the time until they are due, of a trajectory of one point.

    Raises:
        MessageError: Other joints, several points, no velocities, numbers not finite, or due later than half a second.
    """
    if sorted(message.joint_names) != sorted(names):
        raise MessageError(f"{topic}: joints are {list(message.joint_names)}, the robot has {list(names)}")
    if len(message.points) != 1:
        raise MessageError(f"{topic}: got {len(message.points)} points, expected one that is due at the next tick")
    (point,), order = message.points, [list(message.joint_names).index(name) for name in names]
    if len(point.positions) != len(names) or len(point.velocities) != len(names):
        raise MessageError(
            f"{topic}: got {len(point.positions)} positions and {len(point.velocities)} velocities for "
            f"{len(names)} joints; both are needed"
        )
    position, velocity = np.array(point.positions)[order], np.array(point.velocities)[order]
    if not (np.all(np.isfinite(position)) and np.all(np.isfinite(velocity))):
        raise MessageError(f"{topic}: positions {position} or velocities {velocity} are not all finite")
    due_s = seconds(point.time_from_start)
    if not 0.0 <= due_s <= 0.5:
        raise MessageError(f"{topic}: the point is due in {due_s} s, expected 0 to 0.5 s")
    return position, velocity, due_s


def gripper_positions_from(message: Float64MultiArray, gripper: Gripper, topic: str) -> np.ndarray:
    """Positions of the gripper's joints; MessageError unless one finite number each within the gripper's travel."""
    positions = np.array(message.data, dtype=float)
    low, high = sorted((gripper.closed, gripper.open))
    slack = 0.01 * (high - low)
    if positions.shape != (len(gripper.joints),) or not np.all(
        (positions >= low - slack) & (positions <= high + slack)
    ):
        raise MessageError(
            f"{topic}: got {positions.tolist()}, expected {len(gripper.joints)} positions from {low} to {high}"
        )
    return positions


def plan_to_message(plan: Plan, stamp: TimeMsg, base_frame: str, ee_frame: str) -> MultiDOFJointTrajectory:
    """The plan as a trajectory of the end effector and the gripper, stamped `stamp`."""
    message = MultiDOFJointTrajectory(joint_names=[ee_frame, GRIPPER])
    message.header.stamp, message.header.frame_id = stamp, base_frame
    for time_s, pose, opening in zip(plan.times_s, plan.poses, plan.openings, strict=True):
        x, y, z, qx, qy, qz, qw = (float(value) for value in pose)
        transforms = [
            Transform(translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=qx, y=qy, z=qz, w=qw)),
            Transform(translation=Vector3(x=float(opening), y=0.0, z=0.0)),
        ]
        message.points.append(
            MultiDOFJointTrajectoryPoint(transforms=transforms, time_from_start=duration(float(time_s)))
        )
    return message


def message_to_plan(message: MultiDOFJointTrajectory, base_frame: str, ee_frame: str, topic: str) -> Plan:
    """The plan of a message; MessageError for other frames, unordered times or numbers not finite."""
    if list(message.joint_names) != [ee_frame, GRIPPER] or message.header.frame_id != base_frame:
        raise MessageError(
            f"{topic}: joints {list(message.joint_names)} in frame '{message.header.frame_id}', "
            f"expected {[ee_frame, GRIPPER]} in '{base_frame}'; planner and robot configuration must agree"
        )
    if any(len(point.transforms) != 2 for point in message.points):
        raise MessageError(f"{topic}: a point does not have one transform for each of {list(message.joint_names)}")
    times = np.array([seconds(point.time_from_start) for point in message.points])
    poses = np.array([_pose(point.transforms[0]) for point in message.points]).reshape(-1, 7)
    openings = np.array([point.transforms[1].translation.x for point in message.points])
    if not (np.all(np.isfinite(poses)) and np.all(np.isfinite(openings))) or np.any(np.diff(times) <= 0):
        raise MessageError(f"{topic}: the plan holds numbers that are not finite, or times that do not increase")
    return Plan(seconds(message.header.stamp), times, poses, openings)


def _pose(transform: Transform) -> tuple[float, ...]:
    t, r = transform.translation, transform.rotation
    return (t.x, t.y, t.z, r.x, r.y, r.z, r.w)
