"""The browser's gizmo, or any program that says where the tool is to be."""

from __future__ import annotations

import math
import time

import numpy as np
from geometry_msgs.msg import PoseStamped
from std_msgs.msg import Bool, Float32

from robot_wm.safety.freshness import Bounds, Freshness
from ros_nodes.conversions import seconds
from ros_nodes.qos import SENSOR
from ros_nodes.teleop_device import Cockpit, Heard
from ros_nodes.teleop_session import Motion, Wish

POSE, DEADMAN, GRIPPER = "teleop/pose", "teleop/deadman", "teleop/gripper"
MAX_AGE_S = 0.5
"""Oldest stamp of a pose that is still followed."""


class Browser:
    """Poses, a dead-man switch and an opening on three topics."""

    name = "browser"

    def __init__(self, cockpit: Cockpit) -> None:
        self._cockpit, self._pose, self._opening = cockpit, np.full(7, np.nan), float("nan")
        self._is_pressed, self._problem = False, ""
        self._pressed, self._posed = Heard(), Heard()
        self._freshness = Freshness(POSE, Bounds(MAX_AGE_S, float("inf")))
        node, group = cockpit.node, cockpit.group
        node.listen(PoseStamped, POSE, self._on_pose, SENSOR, group)
        node.listen(Bool, DEADMAN, self._on_deadman, SENSOR, group)
        node.listen(Float32, GRIPPER, self._on_gripper, SENSOR, group)

    def wish(self, now_s: float) -> Wish:
        """A pose to go to; held while both the switch and the pose were heard lately."""
        timeout_s = self._cockpit.timeout_s()
        held = self._is_pressed and self._pressed.within(timeout_s, now_s) and self._posed.within(timeout_s, now_s)
        if not held:
            self._opening = float("nan")
        opening = None if math.isnan(self._opening) else self._opening
        pose = None if self._problem else self._pose
        return Wish(self.name, held, Motion(pose=pose), opening, self._problem)

    def close(self) -> None:
        """Nothing is held."""

    def _on_pose(self, message: PoseStamped) -> None:
        node, stamp_s = self._cockpit.node, seconds(message.header.stamp)
        position, rotation = message.pose.position, message.pose.orientation
        pose = np.array([position.x, position.y, position.z, rotation.x, rotation.y, rotation.z, rotation.w])
        age_s, length = node.now_s() - stamp_s, float(np.linalg.norm(pose[3:]))
        self._posed.now()
        self._problem = self._freshness.accept(stamp_s, node.now_s(), time.monotonic())
        if message.header.frame_id != self._cockpit.base_frame:
            self._problem = f"{POSE}: frame is '{message.header.frame_id}', expected '{self._cockpit.base_frame}'"
        elif not np.all(np.isfinite(pose)) or abs(length - 1.0) > 0.01:
            self._problem = f"{POSE}: {pose.tolist()} is no pose: finite numbers with a unit quaternion are needed"
        if self._problem:
            node.get_logger().error(self._problem, throttle_duration_sec=2.0)
        else:
            self._pose = np.append(pose[:3], pose[3:] / length)
            node.meter("pose").tick(age_s)
        self._cockpit.changed()

    def _on_deadman(self, message: Bool) -> None:
        self._is_pressed = bool(message.data)
        self._pressed.now()
        self._cockpit.changed()

    def _on_gripper(self, message: Float32) -> None:
        if not 0.0 <= message.data <= 1.0:
            words = f"{GRIPPER}: got {message.data}, expected an opening from 0 (closed) to 1 (open)"
            self._cockpit.node.get_logger().error(words, throttle_duration_sec=2.0)
            return
        self._opening = float(message.data)
        self._cockpit.changed()
