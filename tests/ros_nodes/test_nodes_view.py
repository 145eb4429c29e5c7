"""The check before motion in the whole system: where the camera fits the arm plans, where it does not it stops."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pybullet")
pytest.importorskip("pinocchio")
pytest.importorskip("torch")
pytest.importorskip("onnxscript")

import torch
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from robot_wm.deploy.bundle import load_bundle
from robot_wm.deploy.extend import add_to_bundle
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.understanding.attach import attach
from robot_wm.understanding.learn_view import Reading
from ros_nodes.conversions import array_to_image
from ros_nodes.qos import LATCHED, LATEST
from sim.moved_camera import film_nods

NODES = ("sim_node", "safety_node", "perception_node", "planner_node", "controller_node")
NODS = 25


@pytest.fixture(scope="module")
def readings(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bundles that read the tool's place: one whose bound is wide, and one for which any camera was moved."""
    images, places = film_nods(NODS, 0, 0.0, 0.0)
    model = OnnxWorldModel(load_bundle(bundle))
    latents = np.concatenate([model.encode(film) for film in images])
    usual = {"precision": (np.eye(3) / 0.1**2).tolist(), "place_bound": 3.0, "odd_bound": 1e6}
    folder, note = tmp_path_factory.mktemp("view"), ("View", "For a test.")
    made = {name: folder / name for name in ("fits", "moved")}
    shutil.copytree(bundle, made["fits"])
    reading = Reading(latents, places.reshape(-1, 3)).eval()
    attach(made["fits"], "view", reading, ("latents", torch.from_numpy(latents)), ["places", "oddness"], usual, note)
    shutil.copytree(made["fits"], made["moved"])
    add_to_bundle(made["moved"], {}, {"view": usual | {"place_bound": 1e-6}}, note)
    return made


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["fits", "moved"])
def test_the_arm_nods_before_it_plans(name: str, readings: dict[str, Path], processes, peer, image: np.ndarray) -> None:
    plans = peer.watch(MultiDOFJointTrajectory, "planner/plan", LATEST)
    commands = peer.watch(JointTrajectory, "joint_trajectory_controller/joint_trajectory", LATEST)
    situations = peer.watch(DiagnosticStatus, "planner/status", LATCHED)
    goal = peer.node.create_publisher(Image, "goal/image", LATCHED)
    processes.start("sim_node")
    processes.start("perception_node", bundle=readings[name])
    processes.start("planner_node", bundle=readings[name], mode="random")
    processes.start("controller_node")
    processes.start("safety_node", watched="[planner_node, controller_node]")
    peer.until_active(*NODES, what=lambda: processes.log("planner_node"))
    goal.publish(array_to_image(image, peer.node.get_clock().now().to_msg(), "camera"))
    peer.until(lambda: peer.trigger("planner/start").success)
    peer.until_health("planner_node", "nodding")
    if name == "fits":
        peer.until_health("planner_node", "planning", 60.0, lambda: processes.log("planner_node"))
        assert "the camera shows the tool where it is" in processes.log("planner_node")
        return
    peer.until_health("planner_node", "stopped: view: the tool is seen (", 60.0, lambda: processes.log("planner_node"))
    assert commands and not plans[-1][1].points
    assert "was the camera or the robot moved?" in situations[-1][1].message
    assert situations[-1][1].level == DiagnosticStatus.WARN
