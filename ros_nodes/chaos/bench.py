"""A running system under test: brings it into motion, breaks something, and measures how the arm stops."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ros_nodes.chaos.observer import MOVING, ChaosError, Observer
from ros_nodes.chaos.system import System
from ros_nodes.robot_config import RobotConfig

WATCH_S = 1.0
"""How long an arm that must not move is watched."""
STATE_PERIOD_S = 1 / 60
"""Time between two joint states of the simulator: how exactly a stop is measured."""


@dataclass(frozen=True)
class Finding:
    """One fault with its figure: `value` is to be at most `bound`, both in `unit`."""

    fault: str
    value: float
    bound: float
    unit: str
    note: str = ""

    @property
    def kept(self) -> bool:
        """Whether the bound was kept."""
        return bool(self.value <= self.bound)


@dataclass
class Bench:
    """System, observer and what was found so far.

    Attributes:
        stops_s: How long each stop took.
    """

    system: System
    observer: Observer
    robot: RobotConfig
    rng: np.random.Generator
    findings: list[Finding] = field(default_factory=list)
    stops_s: list[float] = field(default_factory=list)

    def until_ready(self, timeout_s: float = 90.0) -> None:
        """Waits until every node is active, and gives the planner a goal."""
        observer = self.observer
        for node in ("sim_node", "safety_node", "perception_node", "planner_node", "controller_node"):
            observer.until(partial(self._is_active, node), timeout_s, f"{node}: {self.system.tail(node)}")
        observer.until(lambda: observer.goal is not None, 10.0, "no goal image of the simulator")
        observer.goals.publish(observer.goal)

    def start_anew(self, node: str) -> None:
        """Starts a node that was killed, and waits until all are active."""
        self.observer.health.pop(node, None)
        self.system.start(node)
        self.until_ready()

    def _is_active(self, node: str) -> bool:
        health = self.observer.health.get(node, {})
        fresh = time.monotonic() - float(health.get("heard_s", "-inf")) < 1.0
        return fresh and health.get("lifecycle") == "active"

    def set_in_motion(self, timeout_s: float = 30.0) -> None:
        """Ends a stop as a person would, starts the planner, and waits until the arm moves."""
        observer, end = self.observer, time.monotonic() + timeout_s
        observer.tap.clear()
        self.until_ready()
        while time.monotonic() < end:
            if observer.state == "stopped":
                observer.call("planner/stop")
                observer.call("safety/reset")
            observer.call("planner/start")
            since_s = time.monotonic()
            while time.monotonic() < min(end, since_s + 4.0):
                if observer.state == "following" and observer.is_moving():
                    return
                time.sleep(0.01)
        raise ChaosError(f"the arm does not move: {observer.safety}; {self.system.tail('planner_node')}")

    def at_random_instant(self) -> float:
        """Waits a moment, then until the arm moves; returns that instant."""
        time.sleep(float(self.rng.uniform(0.0, 0.5)))
        self.observer.until(self.observer.is_moving, 20.0, "the arm does not move")
        return time.monotonic()

    def _braking_s(self, since_s: float, until_s: float) -> float:
        """Time that braking from the highest velocity in a span of time takes within the limits of the robot's file."""
        seen = [speed for at_s, speed in list(self.observer.speeds) if since_s <= at_s <= until_s]
        speed = np.max(seen, axis=0) if seen else np.zeros(len(self.robot.joints))
        acceleration, jerk = np.array(self.robot.acceleration), np.array(self.robot.jerk)
        return float(np.max(speed / acceleration + 2 * acceleration / jerk))

    def expect_rest(self, fault: str, since_s: float, bound_s: float) -> float:
        """Measures how long it takes until the arm rests; `bound_s` is the time until it must begin to brake."""
        took_s = self.observer.rested_at(since_s, bound_s + 4.0)
        allowed_s = bound_s + self._braking_s(since_s - 0.1, since_s + bound_s) + 2 * STATE_PERIOD_S
        self.stops_s.append(took_s)
        self.findings.append(Finding(fault, round(took_s, 3), round(allowed_s, 3), "s", self._why()))
        return took_s

    def expect_no_motion(self, fault: str, seconds: float = WATCH_S) -> None:
        """Watches an arm that must stay where it is."""
        since_s = time.monotonic()
        time.sleep(seconds)
        fastest = self.observer.fastest_since(since_s)
        self.findings.append(
            Finding(f"{fault}: no motion until reset", round(fastest, 4), MOVING, "rad/s", self._why())
        )

    def expect_limits_kept(self, fault: str, before: dict[str, int]) -> None:
        """Notes in how many ticks the simulator saw a limit broken since it said `before`."""
        time.sleep(0.3)  # the simulator says it five times a second
        broken = {limit: ticks - before.get(limit, 0) for limit, ticks in self.observer.broken().items()}
        note = ", ".join(f"{limit} {ticks}" for limit, ticks in broken.items() if ticks)
        self.expect(f"{fault}: limits broken", sum(broken.values()), 0, "ticks", note)

    def expect(self, fault: str, value: float, bound: float, unit: str, note: str = "") -> None:
        """Notes a figure."""
        self.findings.append(Finding(fault, round(value, 4), bound, unit, note))

    def _why(self) -> str:
        return f"{self.observer.state}: {self.observer.safety.get('reason', '')}"
