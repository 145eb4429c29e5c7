"""The four nodes as processes over DDS: missing inputs are named, bad ones refused, a dead perception stops the arm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip("pybullet")
pytest.importorskip("pinocchio")

from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from ros_nodes.conversions import array_to_image
from ros_nodes.doctor_topics import Heard, diagnose
from ros_nodes.qos import LATCHED, LATEST, SENSOR
from ros_nodes.robot_config import ROBOTS, RobotConfig

NODES = ("sim_node", "safety_node", "perception_node", "planner_node", "controller_node")


def test_the_whole_loop_and_how_it_stops(processes, peer, bundle: Path, image: np.ndarray) -> None:
    plans = peer.watch(MultiDOFJointTrajectory, "planner/plan", LATEST)
    commands = peer.watch(JointTrajectory, "joint_trajectory_controller/joint_trajectory", LATEST)
    latents = peer.watch(Image, "perception/latents", SENSOR)
    images = peer.watch(Image, "camera/image_raw", SENSOR)
    goal = peer.node.create_publisher(Image, "goal/image", LATCHED)
    processes.start("sim_node")
    processes.start("perception_node", bundle=bundle)
    processes.start("planner_node", bundle=bundle, mode="random")
    processes.start("controller_node")
    processes.start("safety_node", watched="[planner_node, controller_node]")
    peer.until_active(*NODES, what=lambda: processes.log("planner_node"))

    assert peer.trigger("planner/start").success
    peer.until_health("planner_node", "waiting for goal/image")
    assert not plans and not commands

    stamp = peer.node.get_clock().now().to_msg()
    goal.publish(array_to_image(image[:48], stamp, "camera"))
    peer.until_health("planner_node", "goal refused")
    assert "96x48" in peer.health["planner_node"]["message"]

    goal.publish(array_to_image(image, stamp, "camera"))
    peer.until(lambda: len(plans) >= 3 and len(commands) > 50)
    camera_stamps = {(m.header.stamp.sec, m.header.stamp.nanosec) for _, m in images}
    assert {(m.header.stamp.sec, m.header.stamp.nanosec) for _, m in latents[1:]} <= camera_stamps
    peer.until(lambda: "camera_to_command.latency_ms_p50" in peer.health["controller_node"])

    processes.kill("perception_node")
    peer.until_health("controller_node", "plan is stale")
    peer.until_health("planner_node", "waiting for perception/latents")
    peer.until(lambda: _at_rest(commands))
    findings = _doctor(peer)
    assert "perception/latents: silent, publisher perception_node not running" in findings

    silent = len(commands)
    processes.start("perception_node", bundle=bundle)
    peer.until(lambda: len(commands) > silent + 20)
    assert peer.trigger("planner/stop").success
    peer.until_health("controller_node", "planner says stop")
    peer.until(lambda: _at_rest(commands))


def _at_rest(commands: list) -> bool:
    return bool(np.allclose(commands[-1][1].points[0].velocities, 0.0, atol=1e-6))


def _doctor(peer) -> list[str]:
    """What doctor says when it listens now."""
    from ros_nodes.doctor_topics import listen_in

    heard: Heard = listen_in(peer.context, RobotConfig.load("panda_sim"), "", 2.0)
    return [f"{finding.subject}: {finding.text}" for finding in diagnose(heard)]


def test_perception_refuses_images_that_do_not_fit(processes, peer, bundle: Path, image: np.ndarray) -> None:
    latents = peer.watch(Image, "perception/latents", SENSOR)
    camera = peer.node.create_publisher(Image, "camera/image_raw", SENSOR)
    processes.start("perception_node", bundle=bundle)
    peer.until_health("perception_node", "waiting for camera/image_raw", timeout_s=30.0)
    peer.until(lambda: camera.get_subscription_count() > 0)
    good = array_to_image(image, peer.node.get_clock().now().to_msg(), "camera")
    grey = array_to_image(image, good.header.stamp, "camera")
    grey.encoding = "mono8"
    small = array_to_image(image[:10], good.header.stamp, "camera")
    torn = array_to_image(image, good.header.stamp, "camera")
    torn.height, torn.data = 96, torn.data[:-5]
    for bad, words in ((grey, "encoding is 'mono8'"), (small, "image is 96x10"), (torn, "do not hold")):
        peer.until(lambda bad=bad, words=words: camera.publish(bad) or words in processes.log("perception_node"))
    peer.until_health("perception_node", "images do not fit the contract")
    assert not latents and processes.is_running("perception_node")
    peer.until(lambda: camera.publish(good) or latents)
    assert latents[0][1].encoding == "32FC1" and latents[0][1].header.stamp == good.header.stamp


def test_perception_listens_where_the_robot_has_its_camera(
    processes, peer, bundle: Path, image: np.ndarray, tmp_path: Path
) -> None:
    plain = yaml.safe_load((ROBOTS / "panda_sim.yaml").read_text())
    plain["topics"]["cameras"]["camera"]["image"] = "front/colour/image_raw"
    (tmp_path / "robot.yaml").write_text(yaml.safe_dump(plain))
    latents = peer.watch(Image, "perception/latents", SENSOR)
    camera = peer.node.create_publisher(Image, "front/colour/image_raw", SENSOR)
    processes.start("perception_node", bundle=bundle, robot=tmp_path / "robot.yaml")
    peer.until_health("perception_node", "waiting for front/colour/image_raw")
    message = array_to_image(image, peer.node.get_clock().now().to_msg(), "camera")
    peer.until(lambda: camera.publish(message) or latents)


def test_a_missing_bundle_leaves_the_node_unconfigured(processes, peer, tmp_path: Path) -> None:
    processes.start("perception_node", bundle=tmp_path / "nowhere")
    peer.until_health("perception_node", "no such bundle directory")
    assert peer.health["perception_node"]["lifecycle"] == "unconfigured"
    assert processes.is_running("perception_node")
    assert "Traceback" not in processes.log("perception_node")


def test_joint_states_of_another_robot_are_named(processes, peer, bundle: Path) -> None:
    states = peer.node.create_publisher(JointState, "joint_states", LATEST)
    processes.start("controller_node")
    peer.until_active("controller_node")
    foreign = JointState(name=["shoulder_pan"], position=[0.0])
    wanted = "no position of"
    peer.until(lambda: states.publish(foreign) or wanted in processes.log("controller_node"))
    assert processes.is_running("controller_node")
