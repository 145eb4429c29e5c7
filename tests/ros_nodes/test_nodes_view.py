"""The check before motion in the whole system: with a camera that fits the arm plans, with one that does not it stops."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pybullet")
pytest.importorskip("pinocchio")
torch = pytest.importorskip("torch")

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from robot_wm.deploy.bundle import load_bundle
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
    """Bundles that read the tool's place: one rightly, one as if the camera stood half a metre from where it was."""
    images, places = film_nods(NODS, 0, 0.0, 0.0)
    model = OnnxWorldModel(load_bundle(bundle))
    latents = np.concatenate([model.encode(film) for film in images])
    reading, made = Reading(latents, places.reshape(-1, 3)).eval(), {}
    metrics = {"precision": (np.eye(3) / 0.1**2).tolist(), "place_bound": 3.0, "odd_bound": 1e6}
    for name, shift_m in (("fits", 0.0), ("moved", 0.5)):
        made[name] = tmp_path_factory.mktemp("view") / name
        shutil.copytree(bundle, made[name])
        reading.offset += torch.tensor([0.0, shift_m, 0.0])
        example = ("latents", torch.from_numpy(latents))
        attach(made[name], "view", reading, example, ["places", "oddness"], metrics, ("View", "For a test."))
    return made


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
