"""What speaks against moving, seen from outside the commands: clocks, joint states, and the parts of the system."""

from __future__ import annotations

from collections.abc import Sequence

from robot_wm.safety.freshness import Bounds, ClockWatch, Freshness
from robot_wm.safety.guard import Guard
from robot_wm.safety.heartbeat import Beat, Heartbeats

TOGETHER_S = 10.0
"""Nodes that become active within so long are started together."""
LOST_S = 1.0
"""Joint states that were there and are silent for so long stop the robot for good."""


class Watch:
    """Holds the guard for what may pass, and stops it for what somebody has to look at.

    Args:
        guard: What holds and stops.
        nodes: Names of the nodes that must be alive while the robot moves.
        joints_timeout_s: Longest silence of the joint states.

    Attributes:
        joints: Freshness of the joint states.
        trusts_clock: Whether ROS time ran well when it was last looked at.
    """

    def __init__(self, guard: Guard, nodes: Sequence[str], joints_timeout_s: float) -> None:
        self._guard, self._hearts, self._clock = guard, Heartbeats(nodes), ClockWatch()
        self.joints = Freshness("joint states", Bounds(0.25, joints_timeout_s))
        self._started_s, self.trusts_clock = float("inf"), True

    def start(self, monotonic_s: float) -> None:
        """The guard begins to work; where others have worked for long, it was started anew in their midst."""
        self._started_s = monotonic_s

    def take(self, beat: Beat, received_s: float) -> None:
        """Notes a heartbeat."""
        self._hearts.take(beat, received_s)
        if self._hearts.longest_active_s() > received_s - self._started_s + TOGETHER_S:
            self._guard.stop("safety was started while the system was running")

    def reset(self) -> None:
        """A person has looked."""
        self._hearts.forget_losses()
        self._started_s = -float("inf")
        self._guard.reset()

    def why_hold(self, now_s: float, monotonic_s: float) -> str:
        """Why the robot must not move at present, or ""; called once a tick with ROS time and monotonic time."""
        clock = self._clock.look(now_s, monotonic_s)
        self.trusts_clock = not clock
        lost = self._hearts.lost(monotonic_s)
        if lost:
            self._guard.stop(lost)
        joints = self.joints.why_stale(now_s, monotonic_s)
        if joints and LOST_S < self.joints.silence_s(monotonic_s) < float("inf"):
            self._guard.stop(f"joint states are lost: {joints}")
        return clock or joints or self._hearts.why_hold(now_s, monotonic_s)
