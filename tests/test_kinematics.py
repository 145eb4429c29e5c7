"""Forward and inverse kinematics of the simulated Panda, against PyBullet and against the limits of its URDF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pinocchio")

from robot_wm.kinematics import Arm, KinematicsError, interpolate_pose, pose_distance

URDF = Path(__file__).parent.parent / "sim" / "assets" / "panda.urdf"
JOINTS = tuple(f"panda_joint{i}" for i in range(1, 8))
HOME = np.array([0.0, -0.35, 0.0, -2.45, 0.0, 2.10, 0.785])


@pytest.fixture(scope="module")
def arm() -> Arm:
    return Arm.load(URDF, "panda_hand_tcp", JOINTS)


def test_forward_agrees_with_the_simulator(arm: Arm) -> None:
    from sim.world import World

    world = World()
    try:
        assert pose_distance(arm.forward(world.joint_positions()), world.ee_pose()) < 1e-4
    finally:
        world.close()


def test_inverse_reaches_poses_of_the_workspace(arm: Arm) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        position = rng.uniform((0.30, -0.28, 0.02), (0.68, 0.28, 0.35))
        pose = np.append(position, (1.0, 0.0, 0.0, 0.0))
        q = arm.inverse(pose, HOME)
        assert pose_distance(arm.forward(q), pose) < 1e-4
        assert np.all(q >= arm.joints.lower) and np.all(q <= arm.joints.upper)


def test_tracking_keeps_position_and_velocity_limits(arm: Arm) -> None:
    unreachable = np.array([1.5, 0.5, 1.5, 1.0, 0.0, 0.0, 0.0])
    q = HOME.copy()
    for _ in range(400):
        velocity = arm.track(unreachable, q, 0.02, speed=0.5)
        assert np.all(np.abs(velocity) <= 0.5 * arm.joints.velocity + 1e-6)
        q = q + 0.01 * velocity
    assert np.all(q >= arm.joints.lower - 1e-6) and np.all(q <= arm.joints.upper + 1e-6)


def test_joint_order_is_the_callers(arm: Arm) -> None:
    backwards = Arm.load(URDF, "panda_hand_tcp", JOINTS[::-1])
    assert pose_distance(backwards.forward(HOME[::-1]), arm.forward(HOME)) < 1e-9
    target = arm.forward(HOME) + np.array([0.05, 0, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(backwards.track(target, HOME[::-1], 0.1)[::-1], arm.track(target, HOME, 0.1), atol=1e-4)


def test_out_of_reach_is_an_error_that_names_the_pose(arm: Arm) -> None:
    with pytest.raises(KinematicsError, match="out of reach"):
        arm.inverse(np.array([2.0, 0, 0, 1, 0, 0, 0]), HOME, max_steps=20)


@pytest.mark.parametrize(
    ("urdf", "frame", "joints", "message"),
    [
        (Path("nowhere.urdf"), "panda_hand_tcp", JOINTS, "no such URDF"),
        (URDF, "hand", JOINTS, "no frame 'hand'"),
        (URDF, "panda_hand_tcp", ("joint_1",), "no joints"),
    ],
)
def test_what_is_missing_is_named(urdf: Path, frame: str, joints: tuple[str, ...], message: str) -> None:
    with pytest.raises(KinematicsError, match=message):
        Arm.load(urdf, frame, joints)


def test_not_finite_never_passes(arm: Arm) -> None:
    with pytest.raises(KinematicsError, match="configuration"):
        arm.forward(np.full(7, np.nan))
    with pytest.raises(KinematicsError, match="pose"):
        arm.track(np.full(7, np.inf), HOME, 0.1)


def test_interpolation_is_straight_and_turns_the_short_way() -> None:
    start, end = np.array([0, 0, 0, 0, 0, 0, 1.0]), np.array([1.0, 2, 3, 0, 0, -np.sin(0.25), -np.cos(0.25)])
    middle = interpolate_pose(start, end, 0.5)
    np.testing.assert_allclose(middle[:3], [0.5, 1.0, 1.5])
    assert pose_distance(np.append(np.zeros(3), middle[3:]), start) == pytest.approx(0.25)
