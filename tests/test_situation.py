"""Verdicts about the situation, and the bound on surprise."""

from __future__ import annotations

import numpy as np

from robot_wm.situation import Situation, conformal_bound, longest_surprise


def test_a_goal_is_reached_when_it_stays_near() -> None:
    situation = Situation(reached_steps=1.0, surprise_bound=None)
    verdicts = [situation.notice(steps, None) for steps in (0.5, 3.0, 0.9, 0.8)]
    assert verdicts == ["under way", "under way", "under way", "reached"]


def test_only_lasting_surprise_makes_it_unsure() -> None:
    situation = Situation(reached_steps=0.5, surprise_bound=1.0)
    assert [situation.notice(9.0, value) for value in (2.0, 2.0, 0.5, 2.0, 2.0)] == ["under way"] * 5
    assert situation.notice(9.0, 2.0) == "unsure"
    situation.reset()
    assert situation.notice(9.0, 2.0) == "under way"


def test_without_a_bound_it_is_never_unsure() -> None:
    situation = Situation(reached_steps=0.5, surprise_bound=None)
    assert {situation.notice(9.0, 1e9) for _ in range(10)} == {"under way"}


def test_attempts_in_vain_make_it_stuck() -> None:
    situation = Situation(reached_steps=0.5, surprise_bound=None)
    assert situation.notice(9.0, None) == "under way"
    for _ in range(3):
        situation.retreated()
        assert situation.notice(9.0, None) == "under way"
    situation.retreated()
    assert situation.notice(9.0, None) == "stuck"
    assert situation.notice(7.5, None) == "under way"  # this attempt comes nearer after all


def test_attempts_that_come_nearer_each_time_are_not_in_vain() -> None:
    situation = Situation(reached_steps=0.5, surprise_bound=None)
    for steps in (20.0, 17.0, 14.0, 11.0, 8.0, 5.0):
        assert situation.notice(steps, None) == "under way"
        situation.retreated()
    assert situation.notice(5.0, None) == "under way"


def test_lasting_uncertainty_makes_it_unsure_whatever_the_surprise() -> None:
    situation = Situation(reached_steps=0.5, surprise_bound=1.0, uncertainty_bound=0.1)
    assert [situation.notice(9.0, 0.5, value) for value in (0.2, None, 0.2)] == ["under way"] * 3
    assert situation.notice(9.0, 0.5, 0.2) == "unsure"


def test_the_longest_surprise_is_what_the_verdict_is_taken_by() -> None:
    surprises = np.array([0.1, 5.0, 0.9, 3.0, 2.0, 2.5, 0.2])
    assert longest_surprise(surprises) == 2.0
    for bound, expected in ((1.9, True), (2.0, False)):
        situation = Situation(reached_steps=0.5, surprise_bound=bound)
        assert ("unsure" in [situation.notice(9.0, value) for value in surprises]) == expected


def test_the_bound_keeps_its_promise_on_new_scores() -> None:
    rng = np.random.default_rng(0)
    exceeded = [np.mean(rng.gamma(2.0, size=500) > conformal_bound(rng.gamma(2.0, size=99), 0.1)) for _ in range(200)]
    assert 0.08 < np.mean(exceeded) <= 0.105
    assert conformal_bound(np.arange(10.0), 0.02) == np.inf
