"""What planner_node says beside its plans: the sub-goal, the situation, and what it missed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pinocchio")

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from trajectory_msgs.msg import MultiDOFJointTrajectory

from robot_wm.decision import Decision
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


def started(processes, peer, bundle: Path, image: np.ndarray, **parameters: str) -> Callable[[], None]:
    """A planner that was started; what is returned gives it something to plan from."""
    goal = peer.node.create_publisher(Image, "goal/image", LATCHED)
    latents = peer.node.create_publisher(Image, "perception/latents", SENSOR)
    states = peer.node.create_publisher(JointState, "joint_states", SENSOR)
    processes.start("planner_node", bundle=bundle, **parameters)
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
    return observe


def test_a_hierarchical_planner_publishes_its_subgoals(processes, peer, tiny_bundle: Path, image: np.ndarray) -> None:
    subgoals = peer.watch(Image, "planner/subgoal", LATEST)
    situations = peer.watch(DiagnosticStatus, "planner/status", LATCHED)
    observe = started(processes, peer, tiny_bundle, image, mode="hierarchical")
    peer.until(lambda: observe() or (subgoals and situations))
    assert image_to_latent(subgoals[0][1], (4, 8), "planner/subgoal").shape == (4, 8)
    assert situations[0][1].message == "under way"
    peer.until(lambda: observe() or "missed.late" in peer.health.get("planner_node", {}))


def test_the_planner_pauses_while_a_person_is_in_control(processes, peer, tiny_bundle: Path, image: np.ndarray) -> None:
    plans = peer.watch(MultiDOFJointTrajectory, "planner/plan", LATEST)
    control = peer.node.create_publisher(String, "control/source", LATCHED)
    observe = started(processes, peer, tiny_bundle, image)
    peer.until(lambda: observe() or plans)
    control.publish(String(data="person: the dead-man switch is held"))
    peer.until(lambda: observe() or "paused: person" in peer.health["planner_node"]["message"])
    before, told = len(plans), peer.health["planner_node"]["monotonic_s"]
    peer.until(lambda: observe() or peer.health["planner_node"]["monotonic_s"] != told)
    assert len(plans) == before
    assert "paused: person" in peer.trigger("planner/start").message
    control.publish(String(data="none: let go"))
    peer.until(lambda: observe() or "paused: none" in peer.health["planner_node"]["message"])
    assert len(plans) == before
    control.publish(String(data="planner: control was given back"))
    peer.until(lambda: observe() or len(plans) > before)
