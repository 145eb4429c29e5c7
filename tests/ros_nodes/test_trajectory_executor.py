"""Joint trajectories as a joint_trajectory_controller treats them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ruckig")

from ros_nodes.trajectory_executor import TrajectoryError, TrajectoryExecutor, Waypoint

NAMES = ("a", "b")


@pytest.fixture
def executor() -> TrajectoryExecutor:
    return TrajectoryExecutor(NAMES, np.array([0.0, 1.0]))


def point(time_s: float, position: list[float], velocity: list[float] | None = None, *more: list[float]) -> Waypoint:
    acceleration = np.array(more[0], dtype=float) if more else None
    speed = None if velocity is None else np.array(velocity, dtype=float)
    return Waypoint(time_s, np.array(position, dtype=float), speed, acceleration)


def test_interpolates_linearly_from_where_it_is_and_holds_the_end(executor: TrajectoryExecutor) -> None:
    assert executor.is_holding
    executor.replace(NAMES, [point(1.0, [1.0, 2.0])], now_s=10.0)
    assert not executor.is_holding
    np.testing.assert_allclose(executor.sample(10.5).position, [0.5, 1.5])
    np.testing.assert_allclose(executor.sample(10.5).velocity, [1.0, 1.0])
    np.testing.assert_allclose(executor.sample(99.0).position, [1.0, 2.0])
    assert executor.overdue_s(10.25) == pytest.approx(-0.75) and executor.overdue_s(12.0) == pytest.approx(1.0)


def test_velocities_make_cubic_splines(executor: TrajectoryExecutor) -> None:
    """A unit step with rest at both ends is 3t² - 2t³; through a waypoint the velocity is what it says."""
    executor.replace(NAMES, [point(1.0, [1.0, 1.0], [0.0, 0.0])], now_s=0.0)
    np.testing.assert_allclose(executor.sample(0.25).position, [3 * 0.25**2 - 2 * 0.25**3, 1.0])
    np.testing.assert_allclose(executor.sample(0.5).velocity, [1.5, 0.0])
    executor.hold(np.zeros(2))
    executor.replace(NAMES, [point(1.0, [1.0, 0.0], [0.7, 0.0]), point(2.0, [1.0, 0.0], [0.0, 0.0])], now_s=0.0)
    for time_s in (1.0 - 1e-9, 1.0 + 1e-9):
        np.testing.assert_allclose(executor.sample(time_s).velocity, [0.7, 0.0], atol=1e-6)


def test_accelerations_make_quintic_splines(executor: TrajectoryExecutor) -> None:
    executor.replace(NAMES, [point(2.0, [1.0, 0.0], [0.0, 0.0], [0.4, 0.0])], now_s=0.0)
    end = executor.sample(2.0 - 1e-9)
    np.testing.assert_allclose(end.position, [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(end.velocity, [0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(end.acceleration, [0.4, 0.0], atol=1e-6)
    np.testing.assert_allclose(executor.sample(1e-9).acceleration, [0.0, 0.0], atol=1e-6)


def test_velocity_is_the_derivative_of_position(executor: TrajectoryExecutor) -> None:
    executor.replace(NAMES, [point(0.4, [1.0, 2.0], [0.3, -0.2]), point(1.0, [0.0, 2.5], [0.0, 0.0])], now_s=0.0)
    for time_s in np.linspace(0.05, 0.95, 19):
        slope = (executor.sample(time_s + 1e-6).position - executor.sample(time_s - 1e-6).position) / 2e-6
        np.testing.assert_allclose(executor.sample(time_s).velocity, slope, atol=1e-4)


def test_replacement_starts_at_the_present_position_and_velocity(executor: TrajectoryExecutor) -> None:
    executor.replace(NAMES, [point(1.0, [1.0, 2.0], [0.0, 0.0])], now_s=0.0)
    before = executor.sample(0.5)
    executor.replace(NAMES, [point(1.0, [0.0, 1.0], [0.0, 0.0])], now_s=0.5)
    after = executor.sample(0.5)
    np.testing.assert_allclose(after.position, before.position)
    np.testing.assert_allclose(after.velocity, before.velocity)
    np.testing.assert_allclose(executor.sample(1.5).position, [0.0, 1.0])


def test_joints_may_come_in_any_order(executor: TrajectoryExecutor) -> None:
    executor.replace(("b", "a"), [point(1.0, [2.0, 1.0])], now_s=0.0)
    np.testing.assert_allclose(executor.sample(1.0).position, [1.0, 2.0])


def test_a_start_in_the_future_and_one_in_the_past(executor: TrajectoryExecutor) -> None:
    executor.replace(NAMES, [point(1.0, [1.0, 2.0])], now_s=0.0, delay_s=1.0)
    np.testing.assert_allclose(executor.sample(1.0).position, [0.5, 1.5])
    np.testing.assert_allclose(executor.sample(2.0).position, [1.0, 2.0])
    executor.hold(np.zeros(2))
    executor.replace(NAMES, [point(0.5, [9.0, 9.0]), point(1.0, [1.0, 1.0])], now_s=5.0, delay_s=-0.75)
    np.testing.assert_allclose(executor.sample(5.0).position, [0.0, 0.0])
    np.testing.assert_allclose(executor.sample(5.25).position, [1.0, 1.0])


def test_holding_forgets_the_trajectory(executor: TrajectoryExecutor) -> None:
    executor.replace(NAMES, [point(1.0, [1.0, 2.0])], now_s=0.0)
    executor.hold(np.array([0.3, 0.4]))
    assert executor.is_holding
    np.testing.assert_allclose(executor.sample(0.5).position, [0.3, 0.4])


@pytest.mark.parametrize(
    ("names", "points", "words"),
    [
        (("a",), [point(1.0, [1.0])], "trajectory is for joints \\['a'\\]"),
        (("a", "c"), [point(1.0, [1.0, 1.0])], "this controller moves \\['a', 'b'\\]"),
        (("a", "a"), [point(1.0, [1.0, 1.0])], "trajectory is for joints"),
        (NAMES, [], "no points"),
        (NAMES, [point(1.0, [np.nan, 1.0])], "point 0 has position values"),
        (NAMES, [point(1.0, [1.0, 1.0, 1.0])], "3 position values for 2 joints"),
        (NAMES, [point(1.0, [1.0, 1.0], [0.0])], "1 velocity values for 2 joints"),
        (NAMES, [point(1.0, [1.0, 1.0]), point(1.0, [2.0, 2.0])], "must increase"),
        (NAMES, [point(-1.0, [1.0, 1.0])], "not be negative"),
        (NAMES, [point(1.0, [1.0, 1.0], [0.1, 0.0])], "velocity of the last point is \\[0.1, 0.0\\]"),
    ],
)
def test_refuses_what_it_cannot_do_and_goes_on(
    executor: TrajectoryExecutor, names: tuple[str, ...], points: list[Waypoint], words: str
) -> None:
    executor.replace(NAMES, [point(1.0, [1.0, 2.0])], now_s=0.0)
    with pytest.raises(TrajectoryError, match=words):
        executor.replace(names, points, now_s=0.0)
    np.testing.assert_allclose(executor.sample(0.5).position, [0.5, 1.5])


def test_refuses_what_ended_in_the_past(executor: TrajectoryExecutor) -> None:
    with pytest.raises(TrajectoryError, match="ended 1.000 s ago"):
        executor.replace(NAMES, [point(1.0, [1.0, 2.0])], now_s=0.0, delay_s=-2.0)


def test_an_end_with_velocity_is_a_matter_of_configuration() -> None:
    streaming = TrajectoryExecutor(NAMES, np.zeros(2), nonzero_end=True)
    streaming.replace(NAMES, [point(0.1, [0.1, 0.0], [1.0, 0.0])], now_s=0.0)
    np.testing.assert_allclose(streaming.sample(5.0).position, [0.1, 0.0])


def test_a_stop_that_begins_later_lets_the_arm_coast_until_then(executor: TrajectoryExecutor) -> None:
    """As joint_trajectory_controller does; a clock that leads must therefore not stamp a stop."""
    way = [point(1.0, [1.0, 1.0], [1.0, 0.0]), point(2.0, [1.5, 1.0], [0.0, 0.0])]
    executor.replace(NAMES, way, now_s=0.0)
    stop = [point(0.01, [1.0, 1.0], [0.0, 0.0])]
    executor.replace(NAMES, stop, now_s=1.0, delay_s=5.0)
    assert executor.sample(2.0).velocity[0] > 0.3 and executor.sample(3.0).position[0] > 1.5
    executor.replace(NAMES, [point(0.01, executor.sample(3.0).position.tolist(), [0.0, 0.0])], now_s=3.0)
    assert executor.sample(3.02).velocity[0] == 0.0
