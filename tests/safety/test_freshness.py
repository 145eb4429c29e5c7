"""Freshness on two clocks, and clocks that jump or stand still."""

from __future__ import annotations

import pytest

from robot_wm.safety.freshness import Bounds, ClockWatch, Freshness


def fresh() -> Freshness:
    return Freshness("joint states", Bounds(age_s=0.2, silence_s=0.1))


@pytest.mark.parametrize(
    ("stamp_s", "why"), [(9.7, "stale"), (10.2, "from the future"), (20.0, "from the future"), (float("nan"), "stale")]
)
def test_stamps_out_of_bounds_are_refused_and_counted(stamp_s: float, why: str) -> None:
    freshness = fresh()
    assert why in freshness.accept(stamp_s, 10.0, 100.0)
    assert freshness.refused == {why: 1}
    assert freshness.why_stale(10.0, 100.0) == "no joint states yet"


def test_order_matters_until_the_clock_goes_back() -> None:
    freshness = fresh()
    assert not freshness.accept(10.0, 10.0, 100.0)
    assert "out of order" in freshness.accept(9.95, 10.0, 100.01)
    assert not freshness.accept(10.0, 10.01, 100.02)
    assert not freshness.accept(5.0, 5.0, 100.03)


def test_either_clock_alone_makes_it_stale() -> None:
    freshness = fresh()
    freshness.accept(10.0, 10.0, 100.0)
    assert not freshness.why_stale(10.05, 100.05)
    assert "silent: for 0.15 s" in freshness.why_stale(10.0, 100.15)
    assert "stale" in freshness.why_stale(10.5, 100.05)
    assert "from the future" in freshness.why_stale(5.0, 100.05)


@pytest.mark.parametrize(("to_s", "words"), [(15.0, "forward by 4.99 s"), (5.0, "back by 5.01 s")])
def test_a_jump_is_told_until_the_clock_has_settled(to_s: float, words: str) -> None:
    watch = ClockWatch(settle_s=0.5)
    assert not watch.look(10.0, 100.0)
    assert words in watch.look(to_s, 100.01)
    assert words in watch.look(to_s + 0.4, 100.41)
    assert not watch.look(to_s + 0.51, 100.52)
    assert watch.jumps == 1


def test_a_paused_clock_is_told_after_a_while() -> None:
    watch = ClockWatch(pause_s=0.25)
    watch.look(10.0, 100.0)
    assert not watch.look(10.0, 100.2)
    assert "paused" in watch.look(10.0, 100.3)
    assert "paused" in watch.look(10.016, 100.31)
    assert not watch.look(10.516, 100.85)


def test_time_in_steps_is_no_jump() -> None:
    watch = ClockWatch()
    reasons = {watch.look(round(0.008 * tick / 0.1) * 0.1, 100.0 + 0.008 * tick) for tick in range(500)}
    assert reasons == {""}
