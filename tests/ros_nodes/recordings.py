"""A recording of a moving arm made without DDS: cameras at 30 Hz, joints at 125 Hz, a plan each fifth of a second."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

from rclpy.serialization import serialize_message  # isort: skip
from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from trajectory_msgs.msg import MultiDOFJointTrajectory

from robot_wm.contract import TABLETOP, Camera
from robot_wm.data.bag_file import BagTopic
from robot_wm.data.bag_writer import BagWriter, Split
from ros_nodes.conversions import Plan, array_to_image, plan_to_message
from ros_nodes.message_text import definition_text
from ros_nodes.robot_config import RobotConfig

S = 10**9
BEGIN = 1_700_000_000 * S
WRIST = Camera("wrist", "wrist_camera/image_raw", 64, 80, "rgb8", "wrist_optical_frame")
TWO_CAMERAS = replace(TABLETOP, cameras=(*TABLETOP.cameras, WRIST))
KINDS = {
    "/camera/image_raw": Image,
    "/wrist_camera/image_raw": Image,
    "/joint_states": JointState,
    "/planner/plan": MultiDOFJointTrajectory,
    "/episode/mark": String,
    "/control/source": String,
    "/teleop/plan": MultiDOFJointTrajectory,
}
STEP_M = np.array([0.01, -0.005, 0.002])


@dataclass
class Recording:
    """Messages in the order of arrival: (received ns, topic, message); and what they were made from."""

    robot: RobotConfig
    messages: list[tuple[int, str, Any]] = field(default_factory=list)
    images: dict[int, np.ndarray] = field(default_factory=dict)
    joints: dict[int, np.ndarray] = field(default_factory=dict)

    def write(self, folder: Path, split: Split | None = None) -> BagWriter:
        """Writes a bag as the recorder does."""
        bag = BagWriter(folder, 1, split)
        numbers = {
            topic: bag.add_topic(BagTopic(topic, _type_name(kind), definition_text(kind)))
            for topic, kind in KINDS.items()
        }
        for number, (received_ns, topic, message) in enumerate(self.messages):
            bag.write(numbers[topic], bytes(serialize_message(message)), received_ns, received_ns - 1_000_000)
            if number % 20 == 19:
                bag.flush()
        bag.close()
        return bag

    def add_marks(self, *marks: tuple[float, str]) -> Recording:
        """Adds marks at seconds after the beginning."""
        self.messages += [(BEGIN + round(at * S), "/episode/mark", String(data=words)) for at, words in marks]
        self.messages.sort(key=lambda entry: entry[0])
        return self


def stamp(ns: int) -> Time:
    return Time(sec=ns // S, nanosec=ns % S)


def take_over(recording: Recording, begin: float, end: float, give_back: float) -> Recording:
    """The same with a person who drives for a while by chunks of twice the planner's steps, then lets go."""
    robot, arm, messages = recording.robot, recording.robot.arm(), list(recording.messages)
    begin_ns, end_ns, back_ns = (BEGIN + round(at * S) for at in (begin, end, give_back))
    for ns in range(begin_ns, end_ns + 1, S // 50):
        is_last = ns + S // 50 > end_ns
        pose = arm.forward(recording.joints[min(recording.joints, key=lambda at: abs(at - ns))])
        poses = np.tile(pose, (0 if is_last else 4, 1))
        times = np.array([0.1, 0.15, 0.2, 0.25])[: len(poses)]
        poses[:, :3] += 2.0 * times[:, None] / 0.2 * STEP_M
        plan = Plan(ns * 1e-9, times, poses, np.zeros(len(poses)))
        message = plan_to_message(plan, stamp(ns), robot.base_frame, robot.ee_frame)
        messages.append((ns + 1_000_000, "/teleop/plan", message))
    told = ((BEGIN - S, "planner: x"), (begin_ns, "person: x"), (end_ns, "none: x"), (back_ns, "planner: x"))
    messages += [(ns + 2_000_000, "/control/source", String(data=words)) for ns, words in told]
    return Recording(robot, sorted(messages, key=lambda entry: entry[0]), recording.images, recording.joints)


def make(seconds: float = 2.95, seed: int = 0, side: tuple[int, int] = (96, 96)) -> Recording:
    """The recording; each image is different."""
    rng, recording = np.random.default_rng(seed), Recording(RobotConfig.load("panda_sim"))
    robot, arm, end = recording.robot, recording.robot.arm(), BEGIN + round(seconds * S)
    still = np.array(robot.posture)
    for ns in range(BEGIN, end, S // 30):
        image = rng.integers(0, 255, (*side, 3), dtype=np.uint8)
        recording.images[ns] = image
        message = array_to_image(image, stamp(ns), "camera_optical_frame")
        recording.messages.append((ns + 5_000_000, "/camera/image_raw", message))
        wrist = array_to_image(rng.integers(0, 255, (64, 80, 3), dtype=np.uint8), stamp(ns + 3_000_000), "wrist")
        recording.messages.append((ns + 9_000_000, "/wrist_camera/image_raw", wrist))
    for ns in range(BEGIN - S // 10, end, S // 125):
        joints = still + 0.05 * np.sin((ns - BEGIN) / S + np.arange(len(still)))
        recording.joints[ns] = joints
        message = JointState(name=[*robot.joints, *robot.gripper.joints], position=[*joints.tolist(), 0.0, 0.0])
        message.header.stamp = stamp(ns)
        recording.messages.append((ns + 1_000_000, "/joint_states", message))
    for ns in range(BEGIN, end, 6 * (S // 30)):
        pose = arm.forward(recording.joints[min(recording.joints, key=lambda at: abs(at - ns))])
        poses = np.tile(pose, (5, 1))
        poses[:, :3] += np.arange(1, 6)[:, None] * STEP_M
        plan = Plan(ns * 1e-9, 0.2 * np.arange(1, 6), poses, np.zeros(5))
        message = plan_to_message(plan, stamp(ns), robot.base_frame, robot.ee_frame)
        recording.messages.append((ns + 60_000_000, "/planner/plan", message))
    recording.messages.sort(key=lambda entry: entry[0])
    return recording


def _type_name(kind: Any) -> str:
    package = kind.__module__.split(".")[0]
    return f"{package}/msg/{kind.__name__}"
