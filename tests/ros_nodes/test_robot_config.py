"""Robot configurations: the shipped ones are read, broken ones say what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip("pinocchio")

from robot_wm.contract import TABLETOP
from ros_nodes.robot_config import ROBOTS, RobotConfig, RobotConfigError
from ros_nodes.robot_interfaces import CameraTopics

JOINTS = [f"panda_joint{number}" for number in range(1, 8)]


def changed(folder: Path, change: dict) -> str:
    """The path of a copy of the simulated Panda's file with other values at the top level."""
    plain = yaml.safe_load((ROBOTS / "panda_sim.yaml").read_text()) | change
    path = folder / "robot.yaml"
    path.write_text(yaml.safe_dump(plain))
    return str(path)


@pytest.mark.parametrize("robot", sorted(file.stem for file in ROBOTS.glob("*.yaml")))
def test_shipped_robots_are_read(robot: str) -> None:
    config = RobotConfig.load(robot)
    assert config.name == robot and len(config.joints) == len(config.posture)
    assert config.gripper.opening(np.array(config.gripper.positions(0.25))) == pytest.approx(0.25)
    assert config.topics.camera(TABLETOP.camera) == config.topics.cameras["camera"]


def test_the_simulated_panda_fits_its_urdf() -> None:
    config = RobotConfig.load("panda_sim")
    arm = config.arm()
    assert config.motion_limits(arm).velocity == pytest.approx(0.7 * arm.joints.velocity)


def test_cameras_that_a_robot_does_not_name_are_where_the_contract_says(tmp_path: Path) -> None:
    config = RobotConfig.load(changed(tmp_path, {"topics": {"joint_states": "joint_states"}}))
    expected = CameraTopics("camera/image_raw", "camera/camera_info", "camera_optical_frame")
    assert config.topics.camera(TABLETOP.camera) == expected


def test_actions_and_topics_are_told_apart(tmp_path: Path) -> None:
    command = {"interface": "joint_trajectory", "action": "controller/follow_joint_trajectory"}
    config = RobotConfig.load(changed(tmp_path, {"command": command}))
    assert (config.command.endpoint.kind, config.gripper.endpoint.kind) == ("action", "topic")


COMMAND = {"interface": "joint_trajectory", "topic": "commands"}
GRIPPER = {"joints": ["a"], "closed": 0.0, "open": 1.0, "topic": "gripper"}
LIMITS = {"speed": 0.5, "acceleration": [1.0] * 7, "jerk": [1.0] * 7}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"posture": [0.0]}, "posture has 1 values for 7 joints"),
        ({"posture": [0.0] * 6 + ["x"]}, "'posture' is 'x'; expected a finite number"),
        ({"posture": [0.0] * 6 + [float("nan")]}, "'posture' is nan; expected a finite number"),
        ({"joints": [*JOINTS[:6], JOINTS[0]]}, "expected names that differ"),
        ({"joints": "panda_joint1"}, "'joints' is 'panda_joint1'; expected a list"),
        ({"name": 3}, "'name' is 3; expected a text"),
        ({"limits": LIMITS | {"speed": 2.0}}, "speed is 2.0"),
        ({"limits": LIMITS | {"jerk": [1.0] * 6 + [0.0]}}, "must be positive"),
        ({"limits": LIMITS | {"speed": True}}, "limits: 'speed' is True; expected a finite number"),
        ({"colour": "red"}, "unknown keys \\['colour'\\]"),
        ({"gripper": GRIPPER | {"open": 0.0}}, "both 0.0"),
        ({"gripper": GRIPPER | {"action": "too"}}, "gripper: give either 'topic' or 'action'"),
        ({"gripper": None}, "expected a mapping"),
        ({"command": COMMAND | {"interface": "telepathy"}}, "'interface' is 'telepathy'; expected one of"),
        ({"command": {"interface": "servo_twist", "action": "a"}}, "'servo_twist' is sent on a topic"),
        ({"command": COMMAND | {"velocities": "yes"}}, "'velocities' is 'yes'; expected true or false"),
        ({"topics": {"joint_states": "j", "cameras": {"camera": {"image": "i"}}}}, "cameras: camera: missing keys"),
        ({"urdf": {"xacro": "arm.xacro", "argument": {}}}, "urdf: .*unknown keys \\['argument'\\]"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict, words: str) -> None:
    with pytest.raises(RobotConfigError, match=words):
        RobotConfig.load(changed(tmp_path, change))


@pytest.mark.parametrize(
    ("urdf", "words"),
    [
        ("package://nobody_description/arm.urdf", "install ros-.*-nobody-description"),
        ("missing.urdf", "no file .*missing.urdf"),
    ],
)
def test_a_missing_urdf_says_what_to_install(tmp_path: Path, urdf: str, words: str) -> None:
    config = RobotConfig.load(changed(tmp_path, {"urdf": urdf}))
    with pytest.raises(RobotConfigError, match=words):
        config.arm()


def test_xacro_is_expanded_with_its_arguments(tmp_path: Path) -> None:
    pytest.importorskip("xacro")
    text = (ROBOTS.parents[2] / "sim" / "assets" / "panda.urdf").read_text()
    head = '<robot xmlns:xacro="http://www.ros.org/wiki/xacro" name="panda"><xacro:arg name="hand" default="hand"/>'
    body = text[text.index(">", text.index("<robot")) + 1 :].replace("panda_hand_tcp", "$(arg hand)_tcp")
    (tmp_path / "panda.urdf.xacro").write_text(head + body)
    urdf = {"xacro": "panda.urdf.xacro", "arguments": {"hand": "claw"}}
    config = RobotConfig.load(changed(tmp_path, {"urdf": urdf, "ee_frame": "claw_tcp"}))
    assert config.arm().ee_frame == "claw_tcp"


def test_without_xacro_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "arm.xacro").write_text("<robot/>")
    config = RobotConfig.load(changed(tmp_path, {"urdf": {"xacro": "arm.xacro"}}))
    monkeypatch.setitem(sys.modules, "xacro", None)
    with pytest.raises(RobotConfigError, match="install ros-.*-xacro"):
        config.arm()


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(RobotConfigError, match="panda_sim"):
        RobotConfig.load("robby")
