"""The guard: what passes, what does not, and that it can always stop within every limit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("ruckig")
pytest.importorskip("pinocchio")

from robot_wm.motion import MotionLimits
from robot_wm.safety.command import Command, GuardSettings
from robot_wm.safety.constraints import JointRanges
from robot_wm.safety.guard import Guard

TICK_S = 0.008
LIMITS = MotionLimits(np.full(2, 1.0), np.full(2, 5.0), np.full(2, 500.0))
RANGES = JointRanges(np.full(2, -1.0), np.full(2, 1.0))


class Bench:
    """A guard in front of an arm that does what it is told."""

    def __init__(self, **settings: float) -> None:
        self.guard = Guard(LIMITS, [RANGES], GuardSettings(tick_s=TICK_S, **settings))
        self.now_s, self.q, self.path = 0.0, np.zeros(2), [np.zeros(2)]
        self.guard.measure(self.q, 0.0)

    def run(self, seconds: float, command: Callable[[float], Command | None] = lambda _: None, why: str = "") -> None:
        for _ in range(round(seconds / TICK_S)):
            self.now_s += TICK_S
            sent = command(self.now_s)
            if sent is not None:
                self.guard.accept(sent)
            motion = self.guard.step(self.now_s, why)
            if motion is not None:
                self.q = motion.position
            self.guard.measure(self.q, self.now_s)
            self.path.append(self.q)

    def velocity(self, speed: float) -> Callable[[float], Command]:
        """Commands that go on at a speed from where the arm is."""
        return lambda now_s: Command(self.q + speed * TICK_S, np.full(2, speed), now_s + TICK_S, now_s)

    def assert_within_limits(self) -> None:
        v = np.diff(self.path, axis=0) / TICK_S
        a = np.diff(v, axis=0) / TICK_S
        assert np.max(np.abs(v)) <= 1.0 + 1e-6 and np.max(np.abs(a)) <= 5.0 + 1e-3
        assert np.max(np.abs(self.path)) <= 1.0 + 1e-6


def test_commands_within_the_limits_pass_as_they_are() -> None:
    bench, worst = Bench(), 0.0

    def sway(now_s: float) -> Command:
        due_s = now_s + TICK_S
        position = np.full(2, 0.3 * (1 - np.cos(2 * due_s)))
        return Command(position, np.full(2, 0.6 * np.sin(2 * due_s)), due_s, now_s)

    for _ in range(5):
        bench.run(0.5, sway)
        worst = max(worst, float(np.max(np.abs(bench.q - sway(bench.now_s).position))))
    assert worst < 1e-3 and bench.guard.state == "following"
    bench.assert_within_limits()


@pytest.mark.parametrize(
    ("position", "speed", "words"),
    [(np.nan, 0.0, "not finite"), (0.0, np.inf, "not finite"), (0.0, 3.0, "too fast"), (0.9, 0.0, "too far")],
)
def test_nonsense_is_refused_and_the_arm_brakes_in_the_next_tick(position: float, speed: float, words: str) -> None:
    bench = Bench()
    bench.run(0.4, bench.velocity(0.5))
    before = bench.q.copy()
    refused = bench.guard.accept(Command(bench.q + position, np.full(2, speed), bench.now_s, bench.now_s))
    assert words in refused and bench.guard.counts.refused == {"command": 1}
    bench.run(0.4, bench.velocity(0.5))
    assert bench.guard.state == "holding" and bench.guard.is_at_rest
    assert np.all(bench.q - before < 0.5**2 / (2 * 5.0) + 0.02)
    bench.run(0.4, bench.velocity(0.5))
    assert bench.guard.state == "following"
    bench.assert_within_limits()


def test_silence_brings_the_arm_to_rest() -> None:
    bench = Bench()
    bench.run(0.5, bench.velocity(0.8))
    bench.run(0.4)
    assert bench.guard.reason == "commands ended" and bench.guard.is_at_rest
    bench.assert_within_limits()


def test_a_stop_decelerates_at_once_is_latched_and_wants_a_pause_after_reset() -> None:
    bench = Bench()
    bench.run(0.5, bench.velocity(0.8))
    moving = bench.guard.step(bench.now_s)
    bench.guard.stop("emergency stop: button")
    first = bench.guard.step(bench.now_s)
    assert moving is not None and first is not None
    assert np.all(np.abs(first.velocity) < np.abs(moving.velocity))
    bench.q = first.position
    bench.run(1.0, bench.velocity(0.5))
    stopped = bench.q.copy()
    assert bench.guard.state == "stopped" and bench.guard.is_at_rest
    bench.guard.reset()
    bench.run(1.0, bench.velocity(0.5))
    np.testing.assert_array_equal(bench.q, stopped)
    assert "waiting for commands to pause" in bench.guard.reason
    bench.run(0.4)
    bench.run(0.2, bench.velocity(0.5))
    assert bench.guard.state == "following" and np.all(bench.q > stopped)


def test_the_arm_stops_before_what_it_must_not_enter() -> None:
    bench = Bench()
    bench.run(4.0, bench.velocity(1.0))
    assert bench.guard.reason.startswith("joint limits") and np.all(bench.q > 0.85)
    bench.assert_within_limits()
    bench.run(0.6, bench.velocity(-0.5))
    assert np.all(bench.q < 0.9)


def test_outside_a_limit_only_the_way_back_is_open() -> None:
    bench = Bench()
    bench.q = np.full(2, 1.2)
    bench.guard = Guard(LIMITS, [RANGES], GuardSettings(tick_s=TICK_S))
    bench.guard.measure(bench.q, 0.0)
    bench.run(0.3, bench.velocity(0.5))
    np.testing.assert_array_equal(bench.q, 1.2)
    bench.run(0.5, bench.velocity(-0.5))
    assert np.all(bench.q < 1.1)


def test_joints_that_jump_let_go_of_the_motion() -> None:
    bench = Bench()
    bench.run(0.5, bench.velocity(0.8))
    bench.q = bench.q - 0.6
    bench.guard.measure(bench.q, bench.now_s + TICK_S)
    assert bench.guard.step(bench.now_s + TICK_S) is None
    assert "joint states jump" in bench.guard.reason
    bench.run(0.7)
    bench.run(0.3, bench.velocity(0.5))
    assert bench.guard.state == "following"


def test_an_arm_that_does_not_follow_is_stopped_for_good() -> None:
    bench = Bench(max_tracking_error=0.05)
    target = 0.0
    for _ in range(60):
        bench.now_s, target = bench.now_s + TICK_S, target + 0.5 * TICK_S
        bench.guard.accept(Command(np.full(2, target), np.full(2, 0.5), bench.now_s + TICK_S, bench.now_s))
        bench.guard.step(bench.now_s)
        bench.guard.measure(np.zeros(2), bench.now_s)
    assert bench.guard.state == "stopped" and "does not follow" in bench.guard.reason


def test_every_motion_comes_with_its_way_to_rest() -> None:
    bench = Bench()
    bench.run(0.5, bench.velocity(0.8))
    assert bench.guard.tail and bench.guard.tail[-1].is_at_rest
    ahead = bench.guard.ahead(bench.now_s, 0.3, 0.04)
    assert ahead[-1].is_at_rest and all(np.all(np.abs(each.position) <= 1.0) for each in ahead)


def test_random_commands_never_break_a_limit() -> None:
    """Whatever comes, the commanded path keeps to position, velocity, acceleration."""
    rng, bench = np.random.default_rng(0), Bench(retry_s=0.02)

    def anything(now_s: float) -> Command:
        speed = rng.uniform(-1.2, 1.2, 2)
        position = bench.q + rng.normal(0.0, 0.15, 2) if rng.random() < 0.9 else rng.uniform(-3, 3, 2)
        return Command(position if rng.random() < 0.95 else np.full(2, np.nan), speed, now_s + TICK_S, now_s)

    bench.run(12.0, anything)
    bench.assert_within_limits()
    assert bench.guard.counts.refused["command"] > 50


def test_a_motion_that_is_a_little_late_goes_on_at_its_velocity() -> None:
    bench = Bench()
    bench.run(0.5, bench.velocity(0.8))
    motion = bench.guard.step(bench.now_s + TICK_S)
    assert motion is not None
    np.testing.assert_allclose(bench.guard.tail[0].velocity, motion.velocity, atol=1e-6)
    late = bench.guard.step(bench.now_s + 0.03 + TICK_S)
    assert late is not None
    np.testing.assert_allclose(late.velocity, motion.velocity, atol=0.05)
    np.testing.assert_allclose(late.position - motion.position, 0.03 * motion.velocity, atol=2e-3)


def test_after_a_stall_the_motion_goes_on_where_the_tail_has_led() -> None:
    bench = Bench()
    bench.run(0.5, bench.velocity(0.8))
    motion = bench.guard.step(bench.now_s + TICK_S)
    assert motion is not None
    late = bench.guard.step(bench.now_s + TICK_S + 0.15 + TICK_S)
    assert late is not None and np.all(late.velocity < motion.velocity - 0.3)
    bench.guard.step(bench.now_s + 1.0)
    assert bench.guard.state == "stopped" and "not looked at for" in bench.guard.reason
