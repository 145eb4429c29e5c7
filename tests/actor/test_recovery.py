"""Backing off: when nothing comes of it, and only then."""

from __future__ import annotations

import numpy as np

from robot_wm.actor.recovery import Recovery
from robot_wm.actor.settings import PlannerSettings

MOVING, STILL = np.array([0.03, *[0.0] * 6]), np.zeros(7)


def decisions_until_retreat(recovery: Recovery, steps_to_go: list[float], motion: np.ndarray) -> int | None:
    """Number of decisions after which it backs off, None when it never does."""
    rng = np.random.default_rng(0)
    for number, value in enumerate(steps_to_go, start=1):
        recovery.notice(motion, value, rng)
        if recovery.chunk(4, 0.0) is not None:
            return number
    return None


def test_standing_still_short_of_the_goal_is_noticed() -> None:
    assert decisions_until_retreat(Recovery(PlannerSettings()), [5.0] * 10, STILL) == 3


def test_closing_the_hand_is_not_standing_still() -> None:
    recovery, rng = Recovery(PlannerSettings()), np.random.default_rng(0)
    for opening in (1.0, 1.0, 0.0, 0.0):
        recovery.notice(np.append(STILL[:6], opening), 5.0, rng)
        assert recovery.chunk(4, opening) is None
    for _ in range(2):
        recovery.notice(STILL, 5.0, rng)
    assert recovery.chunk(4, 0.0) is not None


def test_standing_still_at_the_goal_is_right() -> None:
    assert decisions_until_retreat(Recovery(PlannerSettings(reached_steps=0.5)), [0.3] * 30, STILL) is None


def test_trying_in_vain_is_noticed_after_the_patience() -> None:
    assert decisions_until_retreat(Recovery(PlannerSettings(patience=6)), [9.0] * 30, MOVING) == 12


def test_progress_is_no_reason() -> None:
    assert decisions_until_retreat(Recovery(PlannerSettings()), [30.0 - i for i in range(28)], MOVING) is None


def test_no_retreat_where_the_settings_say_so() -> None:
    assert decisions_until_retreat(Recovery(PlannerSettings(retreat=0)), [5.0] * 30, STILL) is None


def test_it_lifts_the_tool_for_as_long_as_set_and_keeps_the_gripper() -> None:
    recovery, rng = Recovery(PlannerSettings(retreat=2)), np.random.default_rng(0)
    for _ in range(3):
        recovery.notice(STILL, 5.0, rng)
    chunks = [recovery.chunk(4, 0.7) for _ in range(3)]
    assert chunks[2] is None
    for chunk in chunks[:2]:
        assert chunk is not None
        assert chunk.shape == (4, 7)
        assert np.all(chunk[:, 2] > 0.02)
        assert np.allclose(chunk[:, 6], 0.7)
