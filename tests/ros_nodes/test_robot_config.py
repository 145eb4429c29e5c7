"""Robot configurations: the shipped ones fit their URDF, broken ones say what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip("pinocchio")

from ros_nodes.robot_config import ROBOTS, RobotConfig, RobotConfigError


@pytest.mark.parametrize("robot", sorted(file.stem for file in ROBOTS.glob("*.yaml")))
def test_shipped_robots_fit_their_urdf(robot: str) -> None:
    config = RobotConfig.load(robot)
    arm = config.arm()
    assert config.motion_limits(arm).velocity.shape == (len(config.joints),)
    assert np.all(np.array(config.posture) > arm.joints.lower) and np.all(np.array(config.posture) < arm.joints.upper)
    assert config.gripper.opening(np.array(config.gripper.positions(0.25))) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"urdf": "package://nobody/arm.urdf"}, "no Python.* package 'nobody'"),
        ({"urdf": "missing.urdf"}, "no file"),
        ({"posture": [0.0]}, "posture has 1 values for 7 joints"),
        ({"limits": {"speed": 2.0, "acceleration": [1.0] * 7, "jerk": [1.0] * 7}}, "speed is 2.0"),
        ({"colour": "red"}, "unknown keys \\['colour'\\]"),
        ({"gripper": {"joints": ["a"], "closed": 0.0, "open": 0.0}}, "both 0.0"),
        ({"gripper": None}, "expected a mapping"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict, words: str) -> None:
    plain = yaml.safe_load((ROBOTS / "panda_sim.yaml").read_text()) | change
    path = tmp_path / "robot.yaml"
    path.write_text(yaml.safe_dump(plain))
    with pytest.raises(RobotConfigError, match=words):
        RobotConfig.load(str(path))


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(RobotConfigError, match="panda_sim"):
        RobotConfig.load("robby")
