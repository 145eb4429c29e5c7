"""What planner_node does at its limits: keep-out boxes of the robot's file, and deadlines that have passed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip("pinocchio")

import rclpy
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import MultiDOFJointTrajectory

from ros_nodes.conversions import array_to_image, latent_to_image
from ros_nodes.planner_node import PlannerNode
from ros_nodes.qos import LATCHED, LATEST, SENSOR
from ros_nodes.robot_config import ROBOTS, RobotConfig

HOME = [0.0, -0.35, 0.0, -2.45, 0.0, 2.10, 0.785]
ASIDE = [1.2, *HOME[1:]]


class Senses:
    """Publishes what planner_node hears."""

    def __init__(self, peer, image: np.ndarray) -> None:
        self._node = peer.node
        self._robot, self._rng = RobotConfig.load("panda_sim"), np.random.default_rng(0)
        self._latents = peer.node.create_publisher(Image, "perception/latents", SENSOR)
        self._states = peer.node.create_publisher(JointState, "joint_states", SENSOR)
        goal = peer.node.create_publisher(Image, "goal/image", LATCHED)
        goal.publish(array_to_image(image, self._now(), "camera"))

    def _now(self):
        return self._node.get_clock().now().to_msg()

    def joints(self, joints: list[float]) -> None:
        state = JointState(name=[*self._robot.joints, *self._robot.gripper.joints], position=[*joints, 0.0, 0.0])
        state.header.stamp = self._now()
        self._states.publish(state)

    def see(self, joints: list[float]) -> None:
        self.joints(joints)
        latent = self._rng.normal(size=(4, 8)).astype(np.float32)
        self._latents.publish(latent_to_image(latent, self._now(), "camera"))


def robot_with_boxes(folder: Path, **boxes: tuple[np.ndarray, np.ndarray]) -> Path:
    """The simulated robot's file with keep-out boxes more."""
    plain = yaml.safe_load((ROBOTS / "panda_sim.yaml").read_text())
    for name, (low, high) in boxes.items():
        plain["safety"]["keep_out"][name] = {"low": low.tolist(), "high": high.tolist()}
    file = folder / "robot.yaml"
    file.write_text(yaml.safe_dump(plain))
    return file


def home() -> np.ndarray:
    """Position of the tool (3,) at `HOME`."""
    return RobotConfig.load("panda_sim").arm().forward(np.array(HOME))[:3]


@pytest.fixture
def planner(spin: Callable, peer, domain: int, tiny_bundle: Path) -> Callable[..., PlannerNode]:
    def start(**parameters: object) -> PlannerNode:
        words = ["--ros-args"]
        for name, value in ({"autostart": True, "bundle": tiny_bundle, "diagnostics_rate": 10.0} | parameters).items():
            words += ["-p", f"{name}:={value}"]
        rclpy.init(args=words, domain_id=domain)
        node = PlannerNode()
        node.begin()
        spin(node, threads=4)
        peer.until_active("planner_node")
        return node

    return start


def test_no_plan_enters_a_box_of_the_robots_file(planner, peer, tmp_path: Path, image: np.ndarray) -> None:
    low, high = home() + [0.02, -0.3, -0.3], home() + [0.4, 0.3, 0.3]
    planner(robot=robot_with_boxes(tmp_path, crate=(low, high)), deadline_s=5.0)
    plans = peer.watch(MultiDOFJointTrajectory, "planner/plan", LATEST)
    senses = Senses(peer, image)
    assert peer.trigger("planner/start").success
    peer.until(lambda: senses.see(HOME) or len([1 for _, plan in plans if plan.points]) >= 8)
    ways = np.array([[p.transforms[0].translation.x for p in plan.points] for _, plan in plans if plan.points])
    assert ways.max() <= low[0] + 1e-4


def test_boxed_in_it_holds_and_says_by_what(planner, peer, tmp_path: Path, image: np.ndarray) -> None:
    """Walls a few millimetres from the tool on all sides: no plan that moves keeps out of them."""
    walls = {}
    for axis, name in enumerate(("x", "y", "z")):
        for side in (-1.0, 1.0):
            low, high = home() - 0.3, home() + 0.3
            low[axis], high[axis] = sorted(home()[axis] + side * np.array([0.003, 0.3]))
            walls[f"{name}{'+' if side > 0 else '-'}"] = (low, high)
    planner(robot=robot_with_boxes(tmp_path, **walls), deadline_s=5.0)
    plans = peer.watch(MultiDOFJointTrajectory, "planner/plan", LATEST)
    senses = Senses(peer, image)
    assert peer.trigger("planner/start").success
    peer.until(lambda: senses.see(HOME) or "holding" in peer.health.get("planner_node", {}).get("message", ""))
    assert "keep-out box" in peer.health["planner_node"]["message"]
    assert not any(plan.points for _, plan in plans)


def test_a_missed_deadline_degrades_to_the_last_plan_the_policy_and_a_hold(planner, peer, image: np.ndarray) -> None:
    """A critic that is slower than the deadline leaves no time for the search."""
    node = planner(deadline_s=10.0)
    plans = peer.watch(MultiDOFJointTrajectory, "planner/plan", LATEST)
    senses = Senses(peer, image)
    assert peer.trigger("planner/start").success
    peer.until(lambda: senses.see(HOME) or any(plan.points for _, plan in plans))
    assert node._agent.misses == {"late": 0}
    fallbacks: list[str] = []
    critic, decide = node._agent.model.critic, node._agent.decide

    def slow_critic(latents: np.ndarray, goal: np.ndarray) -> np.ndarray:
        until = time.monotonic() + 0.03
        while time.monotonic() < until:
            pass
        return critic(latents, goal)

    def noting(*arguments: object):
        decision = decide(*arguments)
        fallbacks.append(decision.fallback)
        return decision

    node.set_parameters([Parameter("deadline_s", value=0.005)])
    node._agent.decide = noting
    node._agent.model.critic = slow_critic
    peer.until(lambda: senses.see(HOME) or "policy" in fallbacks)
    assert list(dict.fromkeys(fallbacks)) == ["previous", "policy"]
    peer.until(lambda: senses.see(ASIDE) or fallbacks[-1] == "hold")
    missed = {"missed.previous", "missed.policy", "missed.hold", "missed.late"}
    peer.until(lambda: missed <= set(peer.health.get("planner_node", {})))
    assert all(int(peer.health["planner_node"][what]) > 0 for what in missed)
