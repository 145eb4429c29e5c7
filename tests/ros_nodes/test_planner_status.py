"""What planner_node says beside its plans: the sub-goal, the situation, and what it missed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pinocchio")

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image, JointState

from robot_wm.agent import Decision
from ros_nodes.conversions import array_to_image, image_to_latent, latent_to_image
from ros_nodes.qos import LATCHED, LATEST, SENSOR
from ros_nodes.robot_config import RobotConfig
from ros_nodes.situation_status import situation_status


def decision(**fields: object) -> Decision:
    nothing = np.zeros((3, 7))
    return Decision(nothing, np.zeros((3, 8)), 0.0, np.zeros(3), 1, 1.0, 0.0, "act", "", **fields)


def test_a_question_is_a_warning_and_a_situation_is_not() -> None:
    fine = situation_status(decision(situation="reached", steps_to_go=0.2), 2)
    assert (fine.level, fine.message) == (DiagnosticStatus.OK, "reached")
    values = {pair.key: pair.value for pair in fine.values}
    assert values == {"situation": "reached", "steps_to_go": "0.2", "goals": "2"}
    stuck = situation_status(decision(situation="stuck", surprise=0.25), 1)
    assert stuck.level == DiagnosticStatus.WARN and stuck.message.endswith("?")
    assert {pair.key: pair.value for pair in stuck.values}["surprise"] == "0.250"


def test_a_hierarchical_planner_publishes_its_subgoals(processes, peer, tiny_bundle: Path, image: np.ndarray) -> None:
    subgoals = peer.watch(Image, "planner/subgoal", LATEST)
    situations = peer.watch(DiagnosticStatus, "planner/status", LATCHED)
    goal = peer.node.create_publisher(Image, "goal/image", LATCHED)
    latents = peer.node.create_publisher(Image, "perception/latents", SENSOR)
    states = peer.node.create_publisher(JointState, "joint_states", SENSOR)
    processes.start("planner_node", bundle=tiny_bundle, mode="hierarchical")
    peer.until_active("planner_node", what=lambda: processes.log("planner_node"))
    assert peer.trigger("planner/start").success
    robot = RobotConfig.load("panda_sim")
    names = [*robot.joints, *robot.gripper.joints]

    def observe() -> None:
        stamp = peer.node.get_clock().now().to_msg()
        state = JointState(name=names, position=[0.0, 0.0, 0.0, -1.6, 0.0, 1.6, 0.8] + [0.0] * (len(names) - 7))
        state.header.stamp = stamp
        states.publish(state)
        latents.publish(latent_to_image(np.ones((4, 8), np.float32), stamp, "camera"))

    goal.publish(array_to_image(image, peer.node.get_clock().now().to_msg(), "camera"))
    peer.until(lambda: observe() or (subgoals and situations))
    assert image_to_latent(subgoals[0][1], (4, 8), "planner/subgoal").shape == (4, 8)
    assert situations[0][1].message == "under way"
    peer.until(lambda: observe() or "missed.late" in peer.health.get("planner_node", {}))
