"""Whether data is fresh, on two clocks: the stamp against ROS time, and the receive time, which no one can forge.

Either clock alone fails: a stamp says nothing when clocks differ, and the time of receipt says nothing of data that lay
in a queue.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """When data counts as fresh, seconds.

    Attributes:
        age_s: Oldest stamp on the ROS clock.
        silence_s: Longest time since the last message, on the monotonic clock.
        ahead_s: How far a stamp may lie in the future, for clocks that differ a little.
    """

    age_s: float
    silence_s: float
    ahead_s: float = 0.05


class Freshness:
    """The newest data of one topic, and what was refused of it.

    Attributes:
        what: What it is, for the reasons.
        bounds: When it counts as fresh; may change at any time.
        refused: Messages refused by reason: "stale", "from the future", "out of order".
    """

    def __init__(self, what: str, bounds: Bounds) -> None:
        self.what, self.bounds = what, bounds
        self.refused: dict[str, int] = {}
        self.forget()

    def forget(self) -> None:
        """As if nothing had come yet."""
        self._stamp_s, self._received_s = -float("inf"), -float("inf")

    def accept(self, stamp_s: float, now_s: float, received_s: float) -> str:
        """Takes note of a message; returns why it must not be used, or "".

        A stamp older than the last one is out of order, unless the last one lies in the future: then the clock went
        back, and any fresh stamp is taken.

        Args:
            stamp_s: The message's stamp, seconds of the ROS clock.
            now_s: ROS time.
            received_s: Monotonic time at which it arrived.
        """
        reason, age_s = "", now_s - stamp_s
        if not age_s <= self.bounds.age_s:
            reason, detail = "stale", f"its stamp is {age_s:.2f} s old, at most {self.bounds.age_s:g} s are allowed"
        elif age_s < -self.bounds.ahead_s:
            reason, detail = "from the future", f"by {-age_s:.2f} s; synchronise the clocks"
        elif stamp_s < self._stamp_s <= now_s + self.bounds.ahead_s:
            reason, detail = "out of order", f"its stamp is {self._stamp_s - stamp_s:.3f} s older than the last one"
        if reason:
            self.refused[reason] = self.refused.get(reason, 0) + 1
            return f"{self.what} {reason}: {detail}"
        self._stamp_s, self._received_s = stamp_s, received_s
        return ""

    def silence_s(self, monotonic_s: float) -> float:
        """Seconds since the last message was taken; infinite before the first."""
        return monotonic_s - self._received_s

    def why_stale(self, now_s: float, monotonic_s: float) -> str:
        """Why the newest data may not be used any more, or ""."""
        if self._received_s == -float("inf"):
            return f"no {self.what} yet"
        silence_s, age_s = monotonic_s - self._received_s, now_s - self._stamp_s
        if silence_s > self.bounds.silence_s:
            return f"{self.what} silent: for {silence_s:.2f} s"
        if age_s > self.bounds.age_s + self.bounds.silence_s:
            return f"{self.what} stale: its stamp is {age_s:.2f} s old"
        if age_s < -self.bounds.ahead_s:
            return f"{self.what} from the future: by {-age_s:.2f} s; synchronise the clocks"
        return ""


class ClockWatch:
    """Notices when ROS time jumps or stands still against the monotonic clock.

    Args:
        jump_s: Largest difference between the two clocks' advance from one look to the next that is no jump. Simulated
            time comes in steps, so it must exceed the period of /clock.
        pause_s: ROS time that has not advanced for so long stands still.
        settle_s: How long the clock must run well before it is trusted again.
    """

    def __init__(self, jump_s: float = 0.2, pause_s: float = 0.25, settle_s: float = 0.5) -> None:
        self._jump_s, self._pause_s, self._settle_s = jump_s, pause_s, settle_s
        self._now_s = self._monotonic_s = self._moved_s = float("nan")
        self._bad_until_s, self._reason = -float("inf"), ""
        self.jumps = 0

    def look(self, now_s: float, monotonic_s: float) -> str:
        """Why the clock is not to be trusted at present, or ""; called once a tick."""
        if self._monotonic_s != self._monotonic_s:
            self._now_s, self._monotonic_s, self._moved_s = now_s, monotonic_s, monotonic_s
            return ""
        advance_s, elapsed_s = now_s - self._now_s, monotonic_s - self._monotonic_s
        self._now_s, self._monotonic_s = now_s, monotonic_s
        gap_s = advance_s - elapsed_s
        if advance_s < -1e-6 or gap_s > self._jump_s:
            self.jumps += 1
            self._bad_until_s = monotonic_s + self._settle_s
            self._reason = f"the clock jumped: {'forward' if gap_s > 0 else 'back'} by {abs(gap_s):.2f} s"
        if advance_s != 0.0:
            self._moved_s = monotonic_s
        elif monotonic_s - self._moved_s > self._pause_s:
            self._bad_until_s = monotonic_s + self._settle_s
            self._reason = "the clock stands still: is the simulation paused?"
        return self._reason if monotonic_s < self._bad_until_s else ""
