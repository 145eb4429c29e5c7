"""Waiting times for what fails again and again."""

from __future__ import annotations

from ros_nodes.backoff import Backoff


def test_the_first_failure_waits_for_nothing_and_each_further_one_twice_as_long() -> None:
    backoff = Backoff(first_s=2.0, longest_s=10.0, calm_s=60.0)
    assert [backoff.next_s(held_s=5.0) for _ in range(6)] == [0.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_what_held_for_long_begins_anew() -> None:
    backoff = Backoff(calm_s=60.0)
    for _ in range(5):
        backoff.next_s(held_s=1.0)
    assert backoff.next_s(held_s=60.0) == 0.0 and backoff.next_s(held_s=59.0) == backoff.first_s
