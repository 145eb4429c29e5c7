"""A camera and an arm gone wild: images and joint states at a given rate, until SIGINT; prints the rate it kept."""

from __future__ import annotations

import signal
import sys
import time

import numpy as np

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # isort: skip
from sensor_msgs.msg import Image, JointState

from ros_nodes.conversions import array_to_image
from ros_nodes.qos import LATEST, SENSOR
from ros_nodes.robot_config import RobotConfig

RATE_HZ, SIZE = float(sys.argv[1]), int(sys.argv[2])


def main() -> None:
    over: list[int] = []
    rclpy.init(args=[], signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    signal.signal(signal.SIGINT, lambda number, _: over.append(number))
    node, robot = rclpy.create_node("flood"), RobotConfig.load("panda_sim")
    images = node.create_publisher(Image, "camera/image_raw", SENSOR)
    states = node.create_publisher(JointState, "joint_states", LATEST)
    pixels = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    image = array_to_image(pixels, node.get_clock().now().to_msg(), "camera")
    positions = [float(position) for position in (*robot.posture, *robot.gripper.positions(0.5))]
    joints = JointState(name=[*robot.joints, *robot.gripper.joints], position=positions)
    start, count = time.monotonic(), 0
    while not over:
        image.header.stamp = joints.header.stamp = node.get_clock().now().to_msg()
        images.publish(image)
        states.publish(joints)
        count += 1
        time.sleep(max(0.0, start + count / RATE_HZ - time.monotonic()))
    print(count / (time.monotonic() - start))


if __name__ == "__main__":
    main()
