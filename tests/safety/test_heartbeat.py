"""Heartbeats: silence, hanging, other clocks, restarts."""

from __future__ import annotations

from robot_wm.safety.heartbeat import Beat, Heartbeats


def beat(instance: str = "a", stage: str = "active", busy_s: float = 0.0, clock_s: float = 10.0) -> Beat:
    return Beat("planner_node", instance, stage, busy_s, clock_s)


def hearts() -> Heartbeats:
    hearts = Heartbeats(["planner_node"])
    hearts.take(beat(), 100.0)
    return hearts


def test_a_node_that_was_never_heard_holds_but_is_not_lost() -> None:
    hearts = Heartbeats(["planner_node"])
    assert hearts.why_hold(10.0, 100.0) == "planner_node has not been heard yet"
    assert not hearts.lost(200.0) and hearts.longest_active_s() == 0.0


def test_silence_holds_within_a_quarter_second_and_is_a_loss_after_one() -> None:
    found = hearts()
    assert not found.why_hold(10.2, 100.2)
    assert "planner_node is silent" in found.why_hold(10.26, 100.26)
    assert not found.lost(100.9)
    assert "planner_node is lost" in found.lost(101.1)


def test_a_loss_is_forgotten_by_reset_alone() -> None:
    found = hearts()
    found.take(beat("b"), 100.1)
    assert found.lost(100.1) == "planner_node was started anew"
    found.take(beat("b"), 100.2)
    found.forget_losses()
    found.take(beat("b"), 100.3)
    assert not found.lost(100.3) and not found.why_hold(10.3, 100.3)


def test_a_node_that_was_never_active_is_not_lost() -> None:
    found = Heartbeats(["planner_node"])
    found.take(beat(stage="unconfigured"), 100.0)
    assert "silent" in found.why_hold(12.0, 102.0) and not found.lost(102.0)


def test_a_hanging_callback_holds() -> None:
    found = hearts()
    found.take(beat(busy_s=0.19), 100.1)
    assert not found.why_hold(10.1, 100.1)
    found.take(beat(busy_s=0.29), 100.2)
    assert "hangs: a callback has been running for 0.29 s" in found.why_hold(10.2, 100.2)


def test_a_node_on_another_clock_holds_both_ways() -> None:
    for clock_s, sign in ((4000.0, "+3990"), (1.0, "-9.00")):
        found = hearts()
        found.take(beat(clock_s=clock_s), 100.0)
        assert f"{sign}" in found.why_hold(10.0, 100.0)


def test_an_orderly_end_is_a_loss_at_once() -> None:
    found = hearts()
    found.take(beat(stage="finalized"), 100.05)
    assert found.lost(100.05) == "planner_node was shut down"


def test_others_are_passed_over() -> None:
    found = hearts()
    found.take(Beat("stranger", "x", "active", 9.0, 0.0), 100.0)
    assert not found.why_hold(10.0, 100.0)
