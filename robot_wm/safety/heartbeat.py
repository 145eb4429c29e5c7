"""Which parts of the system are alive, by the beats that each of them sends ten times a second."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PERIOD_S = 0.1
"""Time between two beats."""


@dataclass(frozen=True)
class Beat:
    """What one beat says.

    Attributes:
        node: Name of the node.
        instance: Differs between two runs of the same node.
        stage: Its lifecycle state.
        busy_s: How long its longest-running callback has been running.
        clock_s: ROS time by its own clock.
        active_s: For how long it has been active; 0 while it is not.
    """

    node: str
    instance: str
    stage: str
    busy_s: float
    clock_s: float
    active_s: float = 0.0


@dataclass
class _Watched:
    beat: Beat | None = None
    received_s: float = -float("inf")
    is_new: bool = False
    was_active: bool = False


class Heartbeats:
    """Judges the beats of the nodes that must be alive while the robot moves.

    Args:
        nodes: Their names.
        silence_s: Longest time between two beats before the robot must hold.
        lost_s: After so long, or when a node comes back as another process, somebody has to look at it.
        busy_s: Longest run of one callback.
        clock_s: Largest difference between a node's ROS time and ours.
    """

    def __init__(
        self,
        nodes: Iterable[str],
        *,
        silence_s: float = 0.25,
        lost_s: float = 1.0,
        busy_s: float = 0.2,
        clock_s: float = 0.5,
    ) -> None:
        self._watched = {node: _Watched() for node in nodes}
        self._silence_s, self._lost_s, self._busy_s, self._clock_s = silence_s, lost_s, busy_s, clock_s

    def take(self, beat: Beat, received_s: float) -> None:
        """Notes a beat, received at a monotonic time; those of nodes that are not watched are passed over."""
        watched = self._watched.get(beat.node)
        if watched is None:
            return
        watched.is_new |= watched.beat is not None and watched.beat.instance != beat.instance
        watched.was_active |= beat.stage == "active"
        watched.beat, watched.received_s = beat, received_s

    def forget_losses(self) -> None:
        """A person has looked: nodes that are gone are waited for, and new processes are taken as they are."""
        for watched in self._watched.values():
            watched.beat, watched.is_new, watched.was_active = None, False, False

    def why_hold(self, now_s: float, monotonic_s: float) -> str:
        """Why the robot must hold, or ""; a silent part, a busy one, or one whose clock differs."""
        for node, watched in self._watched.items():
            beat, silence_s = watched.beat, monotonic_s - watched.received_s
            if beat is None:
                return f"{node} has not been heard yet"
            if silence_s > self._silence_s:
                return f"{node} is silent: no heartbeat for {silence_s:.2f} s"
            if beat.busy_s > self._busy_s:
                return f"{node} hangs: a callback has been running for {beat.busy_s:.2f} s"
            behind_s = (now_s - beat.clock_s) - silence_s
            if abs(behind_s) > self._clock_s:
                return (
                    f"clocks disagree: that of {node} is {-behind_s:+.2f} s off; is use_sim_time the same everywhere?"
                )
        return ""

    def lost(self, monotonic_s: float) -> str:
        """Which part was active and is lost, or came back as another process; empty when none."""
        for node, watched in self._watched.items():
            if watched.beat is None or not watched.was_active:
                continue
            if watched.is_new:
                return f"{node} was started anew"
            if watched.beat.stage == "finalized":
                return f"{node} was shut down"
            if monotonic_s - watched.received_s > self._lost_s:
                return f"{node} is lost: no heartbeat for {self._lost_s:g} s"
        return ""

    def longest_active_s(self) -> float:
        """For how long the watched node that has been active longest has been so."""
        return max((watched.beat.active_s for watched in self._watched.values() if watched.beat), default=0.0)
