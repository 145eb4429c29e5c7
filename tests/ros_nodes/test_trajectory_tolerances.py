"""Tolerances as FollowJointTrajectory says them: 0 is the default, -1 is none, and the joint outside is named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("ruckig")

from robot_wm.motion import Motion
from ros_nodes.trajectory_executor import TrajectoryError
from ros_nodes.trajectory_tolerances import Tolerance, Tolerances

NAMES = ("a", "b")
DEFAULTS = Tolerances(Tolerance.uniform(2, 0.2), Tolerance.uniform(2, 0.1, velocity=0.05), goal_time_s=0.5)


@dataclass
class Entry:
    name: str
    position: float = 0.0
    velocity: float = 0.0
    acceleration: float = 0.0


def error(position: list[float], velocity: tuple[float, float] = (0.0, 0.0)) -> Motion:
    return Motion(np.array(position), np.array(velocity), np.zeros(2))


def test_inside_is_silent_and_outside_is_named() -> None:
    assert DEFAULTS.path.excess(NAMES, error([0.2, -0.2])) == ""
    assert DEFAULTS.path.excess(NAMES, error([0.0, -0.3])) == "position error of b is 0.3000, 0.2000 is allowed"
    assert "velocity error of a" in DEFAULTS.goal.excess(NAMES, error([0.0, 0.0], (0.06, 0.0)))
    assert DEFAULTS.path.excess(NAMES, error([np.nan, 0.0]))


def test_a_goal_overrides_keeps_and_lifts() -> None:
    path = [Entry("a", position=0.01), Entry("b", position=-1.0)]
    tolerances = DEFAULTS.for_goal(NAMES, path, [Entry("b", velocity=1.0)], goal_time_s=-1.0)
    np.testing.assert_allclose(tolerances.path.position, [0.01, 0.0])
    np.testing.assert_allclose(tolerances.goal.position, [0.1, 0.1])
    np.testing.assert_allclose(tolerances.goal.velocity, [0.05, 1.0])
    assert tolerances.goal_time_s == 0.0
    assert tolerances.path.excess(NAMES, error([0.0, 9.0])) == ""
    assert DEFAULTS.for_goal(NAMES, [], [], goal_time_s=0.0).goal_time_s == 0.5
    np.testing.assert_allclose(DEFAULTS.path.position, [0.2, 0.2])


@pytest.mark.parametrize(
    ("path", "goal_time_s", "words"),
    [
        ([Entry("elbow", position=0.1)], 0.0, "path_tolerance names joint 'elbow'"),
        ([Entry("a", position=-0.5)], 0.0, "path_tolerance of 'a': position is -0.5"),
        ([], -2.0, "goal_time_tolerance is -2.0"),
        ([Entry("a", velocity=float("nan"))], 0.0, "velocity is nan"),
    ],
)
def test_tolerances_that_make_no_sense_are_refused(path: list[Entry], goal_time_s: float, words: str) -> None:
    with pytest.raises(TrajectoryError, match=words):
        DEFAULTS.for_goal(NAMES, path, [], goal_time_s)
