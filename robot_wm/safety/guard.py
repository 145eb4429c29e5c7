"""Lets joint commands pass to the robot within all limits, and brings it to rest when anything is wrong; no ROS here.

The rule that everything rests on: a motion passes only if the arm could come to rest from it, within the limits of
velocity, acceleration and jerk, without breaking a constraint on the way or at the end. So whatever happens in the next
tick, braking is safe.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robot_wm.motion import Motion, MotionFilter, MotionLimits
from robot_wm.safety.command import Command, Counts, GuardSettings
from robot_wm.safety.constraints import Constraint

RESTING = ("no commands yet", "commands ended")
"""Reasons to hold that only say that nobody commands anything."""
_WHOLE = 1e-6


class Guard:
    """Command in, motion out, tick by tick.

    States: `following` commands, `holding` for a `reason` that may pass by itself, or `stopped`: latched until `reset`.

    Attributes:
        reason: Why it holds or is stopped ("kind: details"), empty while it follows.
        stop_reason: Why it is stopped; empty when it is not.
        counts: What was refused.
        tail: The way to rest from the last motion, `stop_spacing_s` apart; whoever gets the motion gets it too, and
            comes to rest by itself if nothing follows. While following it begins by keeping the velocity for one
            spacing, so that a message that is a little late changes nothing.
    """

    def __init__(
        self,
        limits: MotionLimits,
        constraints: Sequence[Constraint],
        settings: GuardSettings,
    ) -> None:
        self._limits, self._constraints, self._settings = limits, tuple(constraints), settings
        self._filter = MotionFilter(limits, settings.tick_s)
        self._coarse = MotionFilter(limits, settings.stop_spacing_s)
        self._motion: Motion | None = None
        self._measured: np.ndarray | None = None
        self._measured_s = -np.inf
        self._command: Command | None = None
        self._heard_s = self._distrust_until_s = -np.inf
        self._stepped_s: float | None = None
        self._distrust = ""
        self._must_pause = self._is_following = False
        self.counts, self.tail = Counts(), list[Motion]()
        self.stop_reason, self.reason = "", "no commands yet"
        self._filter.stop(Motion.at_rest(np.zeros(len(limits.velocity))), settings.stop_spacing_s)  # the first is slow

    @property
    def state(self) -> str:
        """`following`, `holding` or `stopped`."""
        return "stopped" if self.stop_reason else "holding" if self.reason else "following"

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is commanded to move."""
        return self._motion is None

    def stop(self, reason: str) -> None:
        """Brakes from the next tick on, and stays there until `reset`; the first reason is kept."""
        if not self.stop_reason:
            self.stop_reason = reason

    def reset(self) -> None:
        """Ends a stop; commands must pause before the arm moves again."""
        self.stop_reason, self._must_pause = "", True

    def distrust(self, kind: str, reason: str, now_s: float) -> None:
        """Counts something that was refused, and holds for `retry_s` from the monotonic time `now_s`."""
        self.counts.add(kind)
        self._distrust, self._distrust_until_s = reason, now_s + self._settings.retry_s

    def measure(self, joints: np.ndarray, received_s: float) -> None:
        """Takes the measured joint positions (n,), received at a monotonic time.

        A jump, faster than the joints can move, is refused; what was commanded is forgotten, since it may mean another
        place now, and the arm is let be until the joints have been steady for `retry_s`.
        """
        if self._measured is not None:
            elapsed_s = max(received_s - self._measured_s, self._settings.tick_s)
            allowed = 2.0 * self._limits.velocity * elapsed_s + self._settings.jump_margin
            if np.any(np.abs(joints - self._measured) > allowed):
                worst = float(np.max(np.abs(joints - self._measured)))
                self.distrust("joint jump", f"joint states jump: by {worst:.2f} rad or m at once", received_s)
                self._motion, self._command, self.tail = None, None, []
        self._measured, self._measured_s = joints, received_s

    def accept(self, command: Command) -> str:
        """Takes a command; returns why it is refused, or ""."""
        self._heard_s, reason = command.received_s, ""
        start = self._start()
        if start is None:
            return "no joint states yet"
        if not (np.all(np.isfinite(command.position)) and np.all(np.isfinite(command.velocity))):
            reason = "command holds numbers that are not finite"
        elif np.any(np.abs(command.velocity) > 1.001 * self._limits.velocity):
            share = float(np.max(np.abs(command.velocity) / self._limits.velocity))
            reason = f"command is too fast: {share:.2f} times the limit"
        elif np.max(np.abs(command.position - start.position)) > self._settings.max_lead:
            lead = float(np.max(np.abs(command.position - start.position)))
            reason = f"command is too far: {lead:.2f} rad or m from where the arm is"
        if reason:
            self._command = None
            self.distrust("command", reason, command.received_s)
        else:
            self._command = command
        return reason

    def step(self, monotonic_s: float, why_hold: str = "") -> Motion | None:
        """The motion for the end of this tick, None at rest.

        Args:
            monotonic_s: Now.
            why_hold: A reason from outside not to move at present.
        """
        self._catch_up(monotonic_s)
        if self._must_pause and monotonic_s - self._heard_s > self._settings.quiet_s:
            self._must_pause = False
        self.reason = self.stop_reason or why_hold or self._why_hold(monotonic_s)
        if not self.reason:
            self.reason = self._advance(monotonic_s)
        return self._brake() if self.reason else self._motion

    def _catch_up(self, monotonic_s: float) -> None:
        """After a late tick: the robot has begun to follow the tail, and that is where the next motion begins."""
        late_s = 0.0 if self._stepped_s is None else monotonic_s - self._stepped_s - self._settings.tick_s
        self._stepped_s = monotonic_s
        if self._motion is None:
            return
        if late_s > self._settings.stall_s:
            self.stop(f"commands were not looked at for {late_s:.2f} s")
        if late_s > self._settings.tick_s:
            self._motion = self._led_to(self._motion, late_s)
            if self._motion.is_at_rest:
                self._motion, self.tail = None, []

    def _tail_after(self, motion: Motion) -> list[Motion]:
        kept = self._coarse.step(motion, motion.velocity)
        return [kept, *self._coarse.stop(kept, self._settings.stop_spacing_s)]

    def _led_to(self, motion: Motion, time_s: float) -> Motion:
        """Where the tail leads in a time."""
        spacing_s = self._settings.stop_spacing_s
        if not self._is_following:
            return self._filter.after_braking(motion, time_s)
        if time_s <= spacing_s:
            return MotionFilter(self._limits, time_s).step(motion, motion.velocity)
        return self._coarse.after_braking(self._coarse.step(motion, motion.velocity), time_s - spacing_s)

    def ahead(self, now_s: float, horizon_s: float, tick_s: float) -> list[Motion]:
        """The motions after each of the next ticks if the present velocity is kept, and then the stop; empty at rest.

        What would break a constraint is left out: the stop comes before it.
        """
        if self._motion is None:
            return []
        coarse, motions = MotionFilter(self._limits, tick_s), [self._motion]
        for _ in range(0 if self.reason else round(horizon_s / tick_s)):
            ahead = coarse.step(motions[-1], motions[0].velocity)
            if self._broken(ahead, coarse.stop(ahead, tick_s)):
                break
            motions.append(ahead)
        return [*motions[1:], *coarse.stop(motions[-1], tick_s)]

    def _start(self) -> Motion | None:
        """Where the next tick begins: the motion that is commanded, at rest the measured joints."""
        if self._measured is None:
            return None
        if self._motion is None:
            return Motion.at_rest(self._measured)
        if self._settings.tracking == "velocity":
            return Motion(self._measured, self._motion.velocity, self._motion.acceleration)
        return self._motion

    def _why_hold(self, monotonic_s: float) -> str:
        if self._must_pause:
            return "reset: waiting for commands to pause"
        if monotonic_s < self._distrust_until_s:
            return self._distrust
        if self._measured is None:
            return "no joint states yet"
        if self._command is None:
            return "no commands yet"
        silence_s = monotonic_s - self._command.received_s
        if silence_s > self._settings.command_timeout_s:
            return "commands ended"
        error = self._tracking_error()
        if error > self._settings.max_tracking_error:
            self.counts.add("tracking")
            self.stop(f"the arm does not follow: it is {error:.2f} rad or m from its command")
        return self.stop_reason

    def _tracking_error(self) -> float:
        if self._motion is None or self._measured is None or self._settings.tracking != "joints":
            return 0.0
        return float(np.max(np.abs(self._motion.position - self._measured)))

    def _advance(self, monotonic_s: float) -> str:
        """Moves one tick towards the command; returns why it did not."""
        start, command = self._start(), self._command
        assert start is not None and command is not None
        target = command.position + command.velocity * (monotonic_s - command.due_s)
        velocity = command.velocity + (target - start.position) / self._settings.catch_up_s
        motion = self._filter.step(start, np.clip(velocity, -self._limits.velocity, self._limits.velocity))
        tail = self._tail_after(motion)
        broken = self._broken(motion, tail)
        if broken:
            self.counts.add(broken)
            return f"{broken}: the command leads out of bounds"
        self._motion, self.tail, self._is_following = motion, tail, True
        if motion.is_at_rest and np.max(np.abs(velocity)) < _WHOLE:
            self._motion, self.tail = None, []
        return ""

    def _broken(self, motion: Motion, tail: Sequence[Motion]) -> str:
        """The first constraint that a motion or the stop after it would break, or break more than it is broken now."""
        assert self._measured is not None
        for constraint in self._constraints:
            looked_at = (motion, tail[len(tail) // 2], tail[-1])
            worst = max(constraint.excess(each.position) for each in looked_at)
            if worst > _WHOLE and worst > constraint.excess(self._measured) + _WHOLE:
                return constraint.name
        return ""

    def _brake(self) -> Motion | None:
        start = self._start()
        if self._motion is None or start is None or start.is_at_rest:
            self._motion, self.tail = None, []
            return None
        self._motion, self._is_following = self._filter.brake(start), False
        self.tail = self._filter.stop(self._motion, self._settings.stop_spacing_s)
        return self._motion
