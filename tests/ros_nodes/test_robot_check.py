"""check_robot: shipped robots conform as far as can be said here, broken ones are named finding by finding."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pinocchio")

from robot_wm.contract import TABLETOP
from robot_wm.errors import RobotWmError
from ros_nodes.robot_check import check_robot
from ros_nodes.robot_config import ROBOTS, RobotConfig
from ros_nodes.robot_description import Description
from ros_nodes.robot_interfaces import CameraTopics, Command, Endpoint, Topics
from ros_nodes.robot_safety import SafetyConfig

PANDA = RobotConfig.load("panda_sim")


def bad(config: RobotConfig, contract: object = None) -> list[str]:
    findings = check_robot(config, contract)  # type: ignore[arg-type]
    return [f"{finding.subject}: {finding.text}" for finding in findings if finding.verdict == "bad"]


def _has_its_package(config: RobotConfig) -> bool:
    if config.description.is_xacro and importlib.util.find_spec("xacro") is None:
        return False
    try:
        return config.description.path().is_file()
    except RobotWmError:
        return False


@pytest.mark.parametrize("robot", sorted(file.stem for file in ROBOTS.glob("*.yaml")))
def test_shipped_robots_conform(robot: str) -> None:
    """Where its description package is not installed, that is the only thing bad, and the finding names the package."""
    config = RobotConfig.load(robot)
    found = bad(config)
    if _has_its_package(config):
        assert not found
    else:
        assert len(found) == 1 and found[0].startswith("urdf:")
        assert str(config.description.package) in found[0] and "install" in found[0]


def test_the_simulated_panda_can_do_what_the_contract_asks() -> None:
    assert not bad(PANDA, TABLETOP)
    assert {"urdf", "workspace", "camera 'camera'"} <= {f.subject for f in check_robot(PANDA, TABLETOP)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"joints": ("elbow", *PANDA.joints[1:])}, "joints: 'elbow' is not in the URDF"),
        ({"joints": ("panda_hand_joint", *PANDA.joints[1:])}, "'panda_hand_joint' is fixed"),
        ({"posture": (9.0, *PANDA.posture[1:])}, "posture: 'panda_joint1' at 9.0 is outside its limits"),
        ({"ee_frame": "panda_claw"}, "ee_frame: 'panda_claw' is not a link"),
        ({"ee_frame": "panda_link3"}, "ee_frame: 'panda_link3' is not moved by the joints \\['panda_joint4'"),
        ({"base_frame": "panda_link1"}, "base_frame: 'panda_link1' does not lie in the URDF's root"),
        ({"gripper": replace(PANDA.gripper, open=0.2)}, "gripper: open is 0.2, outside the limits 0.0 to 0.04"),
        ({"description": Description("nowhere.urdf", Path())}, "urdf: 'nowhere.urdf': no file"),
        ({"command": Command("joint_trajectory", Endpoint("topic", "a//b"))}, "command: 'a//b' is not a ROS name"),
        ({"gripper": replace(PANDA.gripper, endpoint=Endpoint("action", "2f/cmd"))}, "gripper: '2f/cmd' is not a ROS"),
        ({"topics": Topics("j", {"camera": CameraTopics("i", "c", "/optical")})}, "'/optical' is not a frame name"),
    ],
)
def test_what_does_not_fit_is_named(change: dict, words: str) -> None:
    found = bad(replace(PANDA, **change))
    assert any(re.search(words, line) for line in found), found


def test_a_contract_for_another_arm_camera_or_workspace_is_named() -> None:
    assert any(line.startswith("frames: ") for line in bad(PANDA, replace(TABLETOP, ee_frame="tool0")))
    wrist = replace(TABLETOP.camera, name="wrist_camera")
    assert any("camera 'wrist_camera'" in line for line in bad(PANDA, replace(TABLETOP, cameras=(wrist,))))
    (line,) = bad(PANDA, replace(TABLETOP, workspace_high=(1.4, 0.28, 0.35)))
    assert line.startswith("workspace: not reached") and "(1.4, 0.28, 0.35)" in line and "(0.3, 0.28, 0.35)" not in line


def test_what_safety_does_not_know_is_noted() -> None:
    def notes(config: RobotConfig) -> list[str]:
        return [f.text for f in check_robot(config) if f.subject == "safety" and f.verdict == "note"]

    assert not notes(PANDA)
    bare = notes(replace(PANDA, safety=SafetyConfig(shapes="none")))
    assert len(bare) == 3 and "allow_loosening" in bare[0] and "keep_out" in bare[1] and "workspace" in bare[2]


def test_absolute_names_are_noted() -> None:
    absolute = replace(PANDA, topics=replace(PANDA.topics, joint_states="/joint_states"))
    assert any("second robot" in f.text for f in check_robot(absolute) if f.verdict == "note")
