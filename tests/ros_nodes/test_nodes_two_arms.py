"""Two simulated arms under /left and /right, each with its own planner: both reach, and neither hears the other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pybullet")
pytest.importorskip("pinocchio")

from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory

from ros_nodes.conversions import joints_from
from ros_nodes.qos import LATCHED, LATEST
from ros_nodes.robot_config import RobotConfig

ROBOT = RobotConfig.load("panda_sim")
NODES = ("sim_node", "safety_node", "perception_node", "planner_node", "controller_node")


class Side:
    """One arm with its nodes, seen from outside."""

    def __init__(self, name: str, processes: Any, peer: Any) -> None:
        self.name, self._processes, self._peer = name, processes, peer
        self.states = peer.watch(JointState, f"/{name}/joint_states", LATEST)
        self.commands = peer.watch(JointTrajectory, f"/{name}/{ROBOT.command.endpoint.name}", LATEST)
        self.successes = peer.watch(Bool, f"/{name}/sim/success", LATEST)
        self._goals = peer.watch(Image, f"/{name}/sim/goal_image", LATCHED)
        self._goal = peer.node.create_publisher(Image, f"/{name}/goal/image", LATCHED)

    def start(self, bundle: Path, seed: int) -> None:
        for node in NODES:
            own = {"bundle": bundle} if node in ("perception_node", "planner_node") else {}
            own |= {"seed": seed} if node == "sim_node" else {}
            self._processes.start(node, namespace=self.name, **own)

    def until_active(self) -> None:
        self._peer.until_active(*(f"{self.name}/{node}" for node in NODES), timeout_s=180.0, what=self.log)

    def reach(self) -> None:
        """Makes the picture of the task's goal the planner's goal, and starts the planner."""
        self._peer.until(lambda: self._goals and self._goal.get_subscription_count() > 0)
        goal = self._goals[-1][1]
        goal.header.stamp = self._peer.node.get_clock().now().to_msg()
        self._goal.publish(goal)
        assert self._peer.trigger(f"/{self.name}/planner/start").success

    def has_reached(self) -> bool:
        return bool(self.successes) and self.successes[-1][1].data

    def joints(self) -> np.ndarray:
        return joints_from(self.states[-1][1], ROBOT.joints, self.name)

    def log(self) -> str:
        return "\n".join(self._processes.log(f"{self.name}/{node}")[-500:] for node in NODES)


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_both_arms_reach_and_neither_hears_the_other(processes: Any, peer: Any) -> None:
    from robot_wm.deploy.bundle import default_bundle

    bundle = default_bundle()
    if not (bundle / "bundle.json").is_file():
        pytest.skip("only a trained bundle reaches; none ships yet")
    left, right = (Side(name, processes, peer) for name in ("left", "right"))
    for side, seed in ((left, 3), (right, 4)):
        side.start(bundle, seed)
    for side in (left, right):
        side.until_active()
    still = right.joints()
    left.reach()
    peer.until(left.has_reached, 90.0, left.log)
    assert left.commands and not right.commands
    np.testing.assert_allclose(right.joints(), still, atol=1e-3)

    assert peer.trigger("/left/planner/stop").success
    peer.until_health("left/controller_node", "planner says stop")
    peer.until(lambda: time.monotonic() - left.commands[-1][0] > 0.5, what=left.log)  # it has come to rest
    silent = len(left.commands)
    right.reach()
    peer.until(right.has_reached, 90.0, right.log)
    assert right.commands and len(left.commands) == silent
    assert np.max(np.abs(left.joints() - right.joints())) > 0.01
