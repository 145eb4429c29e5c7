"""Workspace and clearance of the simulated Panda."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pinocchio")

from robot_wm.safety.constraints import Box, Clearance, ConstraintError, Workspace
from ros_nodes.robot_config import RobotConfig

ROBOT = RobotConfig.load("panda_sim")
POSTURE = np.array(ROBOT.posture)
TABLE = Box("table", (-0.05, -0.65, -0.04), (0.95, 0.65, 0.0))


@pytest.fixture(scope="module")
def arm():
    return ROBOT.arm()


@pytest.fixture(scope="module")
def clearance(arm) -> Clearance:
    return Clearance(ROBOT.description.urdf(), arm, [TABLE], POSTURE, shapes="visual")


def at(arm, *position: float) -> np.ndarray:
    return arm.inverse(np.concatenate([position, arm.forward(POSTURE)[3:]]), POSTURE, tolerance=1e-3)


def test_the_workspace_measures_how_far_the_tool_is_out(arm) -> None:
    workspace = Workspace(arm.forward, np.array([0.2, -0.4, 0.0]), np.array([0.45, 0.4, 0.5]))
    assert workspace.excess(at(arm, 0.4, 0.0, 0.2)) == 0.0
    assert workspace.excess(at(arm, 0.5, 0.0, 0.2)) == pytest.approx(0.05, abs=2e-3)


def test_the_whole_contract_workspace_is_free(arm, clearance: Clearance) -> None:
    for x in (0.3, 0.68):
        for y in (-0.28, 0.28):
            for z in (0.02, 0.35):
                assert clearance.excess(at(arm, x, y, z)) == 0.0


def test_fingers_in_the_table_are_noticed_by_the_millimetre(arm, clearance: Clearance) -> None:
    depth = clearance.excess(at(arm, 0.5, 0.0, 0.0))
    assert depth == pytest.approx(0.009 + 0.002, abs=2.5e-3)
    assert clearance.excess(at(arm, 0.5, 0.0, 0.02)) == 0.0


def test_the_hand_in_its_own_shoulder_is_noticed(clearance: Clearance) -> None:
    folded = np.array([0.0, 0.3, 0.0, -3.0, 0.0, 0.3, 0.785])
    assert clearance.excess(folded) > 0.01
    assert "panda_" in clearance.closest(folded)[1]


def test_the_posture_and_its_surroundings_are_free(clearance: Clearance) -> None:
    rng = np.random.default_rng(0)
    assert all(clearance.excess(POSTURE + rng.normal(0, 0.1, 7)) == 0.0 for _ in range(50))


def test_a_urdf_without_shapes_is_refused(arm) -> None:
    import re

    bare = re.sub(r"<collision>.*?</collision>", "", ROBOT.description.urdf())
    with pytest.raises(ConstraintError, match="no collision shapes"):
        Clearance(bare, arm, [], POSTURE)
