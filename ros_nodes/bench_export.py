"""How fast a recording of two cameras is verified and exported."""

from __future__ import annotations

import tempfile
import time
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image, JointState

from robot_wm.contract import TABLETOP, Camera
from robot_wm.data.bag import Bag
from robot_wm.data.bag_file import BagTopic
from robot_wm.data.bag_report import report
from robot_wm.data.bag_writer import BagWriter
from ros_nodes.bag_export import ExportOptions, export
from ros_nodes.message_text import definition_text
from ros_nodes.robot_config import RobotConfig

SIDES = {"camera": 96, "wrist": 224}
CAMERA_HZ, JOINTS_HZ = 30, 250
_BEGIN_NS = 1_700_000_000 * 10**9


def run(repeats: int = 300) -> dict[str, dict[str, float]]:
    """Makes a recording of `repeats` images of each of two cameras, then verifies and exports it.

    Returns:
        For verifying, and for exporting every image or the contract's five a second: seconds, MiB of the recording a
        second, and how many times faster than real time it is.
    """
    contract = replace(
        TABLETOP,
        cameras=tuple(
            Camera(name, f"{name}/image_raw", side, side, "rgb8", f"{name}_optical_frame")
            for name, side in SIDES.items()
        ),
    )
    robot, recorded_s = RobotConfig.load("panda_sim"), repeats / CAMERA_HZ
    with tempfile.TemporaryDirectory() as place:
        bag = Path(place) / "bag"
        _record(bag, recorded_s, robot)
        mib = sum(path.stat().st_size for path in bag.iterdir()) / 2**20
        rows = {"verify": _timed(lambda: report(Bag.open(bag)), mib, recorded_s)}
        for fps in (CAMERA_HZ, round(1 / contract.step_s)):
            wanted, out = replace(contract, step_s=1 / fps), Path(place) / str(fps)
            options = ExportOptions(measured=True)
            rows[f"export_{fps}_fps"] = _timed(
                lambda wanted=wanted, out=out, options=options: export(bag, out, wanted, robot, options),
                mib,
                recorded_s,
            )
    return rows


def _timed(work: Any, mib: float, recorded_s: float) -> dict[str, float]:
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "mib_per_s": mib / seconds, "times_real_time": recorded_s / seconds}


def _record(folder: Path, seconds: float, robot: RobotConfig) -> None:
    bag = BagWriter(folder, 1)
    images, joints = definition_text(Image), definition_text(JointState)
    numbers = {name: bag.add_topic(BagTopic(f"/{name}/image_raw", "sensor_msgs/msg/Image", images)) for name in SIDES}
    numbers["joints"] = bag.add_topic(BagTopic("/joint_states", "sensor_msgs/msg/JointState", joints))
    messages = [*_images(seconds), *_joints(seconds, robot)]
    for stamp_ns, name, message in sorted(messages, key=lambda entry: entry[0]):
        bag.write(numbers[name], bytes(serialize_message(message)), stamp_ns, stamp_ns)
    bag.close()


def _images(seconds: float) -> Iterator[tuple[int, str, Any]]:
    """A lit table with a block that moves and the noise of a camera."""
    rng = np.random.default_rng(0)
    for name, side in SIDES.items():
        light = np.linspace(90, 170, side)[:, None, None] * np.array([1.0, 0.9, 0.8])
        for number in range(round(seconds * CAMERA_HZ)):
            picture = np.broadcast_to(light, (side, side, 3)) + rng.normal(0, 1.0, (side, side, 1))
            at = round((0.5 + 0.4 * np.sin(number / 20)) * (side - side // 8))
            picture[side // 3 : side // 2, at : at + side // 8] = (200, 40, 30)
            stamp_ns = _BEGIN_NS + number * 10**9 // CAMERA_HZ
            message = Image(height=side, width=side, encoding="rgb8", step=3 * side)
            message.header.stamp = Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
            message.data = array("B", picture.astype(np.uint8).tobytes())
            yield stamp_ns, name, message


def _joints(seconds: float, robot: RobotConfig) -> Iterator[tuple[int, str, Any]]:
    names, posture = [*robot.joints, *robot.gripper.joints], np.array(robot.posture)
    for number in range(round(seconds * JOINTS_HZ)):
        stamp_ns = _BEGIN_NS + number * 10**9 // JOINTS_HZ
        positions = posture + 0.1 * np.sin(number / JOINTS_HZ + np.arange(len(posture)))
        message = JointState(name=names, position=[*positions.tolist(), *robot.gripper.positions(0.0)])
        message.header.stamp = Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        yield stamp_ns, "joints", message
