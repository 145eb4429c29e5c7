"""Keep-out boxes and joint margins: what is refused, and that nothing refused is ever returned."""

from __future__ import annotations

import numpy as np
import pytest

from robot_wm.actions import integrate
from robot_wm.cost.joints import JointMargin, JointSpeed
from robot_wm.cost.keep_out import KeepOut
from robot_wm.errors import ObservationError, RobotWmError

BOX = KeepOut((0.50, -0.05, 0.0), (0.60, 0.05, 0.2))


def moves(*displacements: tuple[float, float, float]) -> np.ndarray:
    actions = np.zeros((1, len(displacements), 7), dtype=np.float32)
    actions[0, :, :3] = displacements
    return actions


def violation(guard, state: np.ndarray, actions: np.ndarray) -> float:
    return float(guard.violation(state, actions, integrate(state, actions))[0])


def test_a_way_beside_the_box_is_free_and_one_into_it_is_not(state: np.ndarray) -> None:
    assert violation(BOX, state, moves((0.04, 0, 0))) == 0.0
    assert violation(BOX, state, moves((0.04, 0, 0), (0.04, 0, 0))) > 0.0
    assert violation(BOX, state, moves((0, 0, 0.04), (0.04, 0, 0.04), (0.04, 0, 0.0))) == 0.0


def test_stepping_over_a_thin_wall_is_noticed(state: np.ndarray) -> None:
    wall = KeepOut((0.47, -0.3, 0.0), (0.475, 0.3, 0.35))
    assert violation(wall, state, moves((0.04, 0, 0))) == pytest.approx(0.0025, abs=1e-4)
    assert violation(wall, state, moves((0.0, 0.04, 0))) == 0.0


def test_the_ball_around_the_tool_counts(state: np.ndarray) -> None:
    wide = KeepOut((0.50, -0.05, 0.0), (0.60, 0.05, 0.2), radius_m=0.03)
    assert violation(BOX, state, moves((0.03, 0, 0))) == 0.0
    assert violation(wide, state, moves((0.03, 0, 0))) > 0.0


def test_from_inside_only_outwards(state: np.ndarray) -> None:
    state[0] = 0.52
    assert violation(BOX, state, moves((-0.01, 0, 0), (-0.04, 0, 0))) == 0.0
    assert violation(BOX, state, moves((0.0, 0, 0))) == 0.0
    assert violation(BOX, state, moves((0.01, 0, 0))) > 0.0
    assert violation(BOX, state, moves((-0.04, 0, 0), (0.04, 0, 0))) > 0.0


def test_a_path_that_is_not_finite_is_never_feasible(state: np.ndarray) -> None:
    assert violation(BOX, state, moves((np.nan, 0, 0))) == np.inf


@pytest.mark.parametrize("low", [(0.6, 0, 0), (np.nan, -1, -1), (0.1, 0.1)])
def test_corners_that_make_no_box_are_refused(low: tuple[float, ...]) -> None:
    with pytest.raises(RobotWmError, match="corners"):
        KeepOut(low, (0.5, 0.5, 0.5))


@pytest.fixture(scope="module")
def panda():
    pytest.importorskip("pink")
    from robot_wm.kinematics import Arm
    from sim.robot import JOINT_NAMES, URDF

    return Arm.load(URDF, "panda_hand_tcp", JOINT_NAMES)


HOME = np.array([0.0, -0.35, 0.0, -2.45, 0.0, 2.10, 0.785])


def test_the_jacobian_is_what_forward_kinematics_does(panda) -> None:
    jacobian, pose = panda.jacobian(HOME), panda.forward(HOME)
    for joint in range(7):
        moved = panda.forward(HOME + 1e-6 * np.eye(7)[joint])
        np.testing.assert_allclose((moved - pose)[:3] / 1e-6, jacobian[:3, joint], atol=1e-5)


def at(panda, joints: np.ndarray) -> np.ndarray:
    return np.append(panda.forward(joints), 0.0).astype(np.float32)


def test_a_step_towards_a_limit_is_refused_and_one_away_is_not(panda) -> None:
    near = HOME.copy()
    near[3] = panda.joints.lower[3] + 0.06
    guard, state = JointMargin(panda), at(panda, near)
    guard.observe(near)
    towards_base = moves((-0.04, 0, 0.0), (-0.04, 0, 0.0), (-0.04, 0, 0.0))
    assert violation(guard, state, towards_base) > 0.0 and violation(guard, state, -towards_base) == 0.0
    followed = panda.inverse(np.append(state[:3] + [-0.04, 0, 0], state[3:7]).astype(float), near)
    assert followed[3] < near[3]


def test_to_first_order_joints_are_where_inverse_kinematics_finds_them(panda) -> None:
    guard, state = JointMargin(panda), at(panda, HOME)
    guard.observe(HOME)
    target = np.append(state[:3] + [0.03, 0.03, 0.0], state[3:7]).astype(float)
    predicted = HOME + guard._inverse @ [0.03, 0.03, 0.0, 0.0, 0.0, 0.0]
    assert np.abs(panda.forward(predicted)[:3] - target[:3]).max() < 0.003


def test_without_measured_joints_nothing_is_feasible(panda) -> None:
    guard = JointMargin(panda)
    assert violation(guard, at(panda, HOME), moves((0, 0, 0))) == np.inf and "not measured" in guard.reason(np.inf)
    with pytest.raises(ObservationError, match="joint positions"):
        guard.observe(HOME * np.nan)


def test_plans_that_are_too_fast_for_a_joint_are_slowed_down(panda) -> None:
    guard, state = JointSpeed(panda, np.full(7, 0.2), 0.2), at(panda, HOME)
    fast = moves((0.04, 0, 0), (0, 0.04, 0), (0, 0, 0.001))
    assert violation(guard, state, fast) == np.inf and "not measured" in guard.reason(np.inf)
    guard.observe(HOME)
    assert violation(guard, state, fast) > 0.0
    slowed = guard.repair(state, fast)
    assert violation(guard, state, slowed) == 0.0
    np.testing.assert_allclose(slowed[0, 2], fast[0, 2])  # slow enough as it was
    np.testing.assert_allclose(slowed[0, 0, :3] / np.linalg.norm(slowed[0, 0, :3]), [1.0, 0.0, 0.0])
    end = panda.inverse(np.append(state[:3] + slowed[0, 0, :3], state[3:7]).astype(float), HOME)
    assert np.abs(end - HOME).max() / 0.2 < 0.25
    with pytest.raises(RobotWmError, match="joint speeds"):
        JointSpeed(panda, np.zeros(7), 0.2)
