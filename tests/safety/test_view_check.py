"""The check before motion: what passes, what is refused and with which words, and the way of the nod."""

from __future__ import annotations

import numpy as np
import pytest

from robot_wm.contract import TABLETOP
from robot_wm.errors import BundleError
from robot_wm.safety.view_check import FRAMES, LEAST_WAY_M, NOD_S, ViewBounds, ViewCheck, nod

USUAL = ViewBounds(np.eye(3) / 0.01**2, place=3.0, odd=1.2)
WAY = np.linspace([0.5, 0.0, 0.2], [0.5, 0.03, 0.24], FRAMES)


def looked(offset: np.ndarray, odd: float = 1.0, way: np.ndarray = WAY) -> ViewCheck:
    check, rng = ViewCheck(USUAL), np.random.default_rng(0)
    for place in way:
        check.look(place + offset + rng.normal(0.0, 0.005, 3), odd, place)
    return check


def test_a_camera_that_stands_where_it_stood_passes() -> None:
    check = looked(np.array([0.01, -0.01, 0.0]))
    assert check.is_enough and not check.refusal()


def test_a_moved_camera_is_refused_with_the_measured_offset() -> None:
    check = looked(np.array([0.0, 0.06, -0.02]))
    np.testing.assert_allclose(check.offset, [0.0, 0.06, -0.02], atol=0.005)
    assert "+0.06" in check.refusal() and "standard deviations where 3.0 are usual" in check.refusal()


def test_the_direction_that_is_read_badly_counts_less() -> None:
    bounds = ViewBounds(np.diag([1 / 0.05**2, 1 / 0.005**2, 1 / 0.005**2]), place=3.0, odd=1.2)
    assert bounds.strangeness(np.array([0.05, 0.0, 0.0])) == pytest.approx(1.0)
    assert bounds.strangeness(np.array([0.0, 0.05, 0.0])) == pytest.approx(10.0)


def test_odd_pictures_are_refused() -> None:
    assert "oddness 2.00" in looked(np.zeros(3), odd=2.0).refusal()


def test_numbers_that_are_not_finite_never_pass() -> None:
    assert looked(np.zeros(3), odd=np.nan).refusal() and looked(np.full(3, np.nan)).refusal()


def test_an_arm_that_stood_still_or_few_pictures_are_not_enough() -> None:
    assert not looked(np.zeros(3), way=np.repeat(WAY[:1], FRAMES, axis=0)).is_enough
    assert not looked(np.zeros(3), way=WAY[:-1]).is_enough


@pytest.mark.parametrize("place", [(0.5, 0.0, 0.1), (0.5, 0.27, 0.34), (0.5, -0.3, 0.36)])
def test_a_nod_moves_enough_stays_inside_and_returns(place: tuple[float, float, float]) -> None:
    start = np.array([*place, 1.0, 0.0, 0.0, 0.0])
    poses = nod(start, np.linspace(0.0, NOD_S, 50), TABLETOP)
    low = np.minimum(TABLETOP.workspace_low, start[:3])
    high = np.maximum(TABLETOP.workspace_high, start[:3])
    assert np.all(poses[:, :3] >= low) and np.all(poses[:, :3] <= high)
    assert np.linalg.norm(np.ptp(poses[:, :3], axis=0)) >= LEAST_WAY_M
    np.testing.assert_allclose(poses[[0, -1]], [start, start], atol=1e-12)
    np.testing.assert_array_equal(poses[:, 3:], np.repeat(start[None, 3:], 50, axis=0))


def test_a_nod_leaves_the_table_before_it_goes_sideways() -> None:
    first = nod(np.array([0.5, 0.0, 0.03, 1.0, 0.0, 0.0, 0.0]), np.array([0.05 * NOD_S]), TABLETOP)[0]
    assert first[2] - 0.03 > 3 * abs(first[1]) > 0


GOOD = {"precision": np.eye(3).tolist(), "place_bound": 3.0, "odd_bound": 1.2}


@pytest.mark.parametrize(
    "change",
    [
        {"precision": [[1.0]]},
        {"precision": (-np.eye(3)).tolist()},
        {"precision": "much"},
        {"place_bound": float("nan")},
        {"place_bound": 0.0},
        {"odd_bound": None},
    ],
)
def test_bounds_of_a_bundle_are_checked(change: dict[str, object]) -> None:
    assert ViewBounds.from_metrics({"view": GOOD}, "here").place == 3.0
    with pytest.raises(BundleError, match="here: metrics.view"):
        ViewBounds.from_metrics({"view": GOOD | change}, "here")
    with pytest.raises(BundleError, match="here: metrics.view"):
        ViewBounds.from_metrics({}, "here")
