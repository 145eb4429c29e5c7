"""Joint trajectories as a joint_trajectory_controller treats them."""

from __future__ import annotations

import numpy as np
import pytest

from ros_nodes.trajectory_executor import TrajectoryError, TrajectoryExecutor

NAMES = ("a", "b")


@pytest.fixture
def executor() -> TrajectoryExecutor:
    return TrajectoryExecutor(NAMES, np.array([0.0, 1.0]))


def test_interpolates_from_where_it_is_and_holds_the_end(executor: TrajectoryExecutor) -> None:
    executor.replace(NAMES, np.array([[1.0, 2.0]]), np.array([1.0]), now_s=10.0)
    np.testing.assert_allclose(executor.sample(10.5), [0.5, 1.5])
    np.testing.assert_allclose(executor.sample(99.0), [1.0, 2.0])


def test_replacement_starts_at_the_present_position(executor: TrajectoryExecutor) -> None:
    executor.replace(NAMES, np.array([[1.0, 2.0]]), np.array([1.0]), now_s=0.0)
    executor.replace(NAMES, np.array([[0.0, 1.0]]), np.array([1.0]), now_s=0.5)
    np.testing.assert_allclose(executor.sample(0.5), [0.5, 1.5])
    np.testing.assert_allclose(executor.sample(1.5), [0.0, 1.0])


def test_joints_may_come_in_any_order(executor: TrajectoryExecutor) -> None:
    executor.replace(("b", "a"), np.array([[2.0, 1.0]]), np.array([1.0]), now_s=0.0)
    np.testing.assert_allclose(executor.sample(1.0), [1.0, 2.0])


def test_no_points_stop_at_once(executor: TrajectoryExecutor) -> None:
    executor.replace(NAMES, np.array([[1.0, 2.0]]), np.array([1.0]), now_s=0.0)
    executor.replace(NAMES, np.empty((0, 2)), np.empty(0), now_s=0.5)
    np.testing.assert_allclose(executor.sample(9.0), [0.5, 1.5])


@pytest.mark.parametrize(
    ("names", "positions", "times"),
    [
        (("a",), [[1.0]], [1.0]),
        (("a", "c"), [[1.0, 1.0]], [1.0]),
        (NAMES, [[np.nan, 1.0]], [1.0]),
        (NAMES, [[1.0, 1.0], [2.0, 2.0]], [1.0, 1.0]),
    ],
)
def test_refuses_what_it_cannot_do(
    executor: TrajectoryExecutor, names: tuple[str, ...], positions: list[list[float]], times: list[float]
) -> None:
    with pytest.raises(TrajectoryError):
        executor.replace(names, np.array(positions), np.array(times), now_s=0.0)
    np.testing.assert_allclose(executor.sample(5.0), [0.0, 1.0])
