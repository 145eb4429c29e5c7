"""When a person drives: the dead-man switch, who of several devices, what is refused, and the chunks; no ROS here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robot_wm.kinematics import pose_change
from ros_nodes.teleop_reference import Motion, Reference, TeleopLimits

TIMES_S = np.array([0.1, 0.15, 0.2, 0.25])
"""When the poses of a chunk are due, seconds after it is made: the arm stands soon after the last."""
STALL_S = 0.25
"""Longest time between two steps, after which the person has let go."""


@dataclass(frozen=True)
class Wish:
    """What one device says at present.

    Attributes:
        device: Its name.
        held: Whether its dead-man switch is held, and was heard lately.
        motion: What the person wants.
        opening: Wanted opening of the gripper 0 … 1; None leaves it.
        refusal: Why this device may not drive now, empty where it may.
    """

    device: str
    held: bool
    motion: Motion = Motion()
    opening: float | None = None
    refusal: str = ""


@dataclass(frozen=True)
class Tool:
    """Where the tool is: its measured pose (7,), and the opening that the gripper was given last."""

    pose: np.ndarray
    opening: float


@dataclass(frozen=True)
class Chunk:
    """Poses (K, 7), due at the first K of `TIMES_S`, and the gripper's opening; K is 0 for "stop"."""

    poses: np.ndarray
    opening: float


class TeleopSession:
    """Wishes in, chunks out, step by step.

    Attributes:
        limits: See `TeleopLimits`; may change at any time.
        driver: The device that drives, empty while nobody does.
        status: What a person should know now.
        is_warning: Whether something is refused or limited.
    """

    def __init__(self, limits: TeleopLimits) -> None:
        self.limits, self.driver, self.status, self.is_warning = limits, "", "released", False
        self._must_let_go: dict[str, str] = {}
        self._reference: Reference | None = None
        self._stepped_s, self._opening = -np.inf, 0.0

    def step(self, now_s: float, wishes: Sequence[Wish], tool: Tool | None, veto: str = "") -> Chunk | None:
        """What to send now, None for nothing.

        Args:
            now_s: Monotonic time.
            wishes: Of every device.
            tool: None while its pose is not known.
            veto: Why nobody may drive at present; whoever holds a switch must let go before it counts again.
        """
        elapsed_s, self._stepped_s = now_s - self._stepped_s, now_s
        for wish in wishes:
            if not wish.held:
                self._must_let_go.pop(wish.device, None)
            elif veto or wish.refusal:
                self._must_let_go[wish.device] = f"refused: {veto or wish.refusal}"
        if self.driver:
            wish = next(wish for wish in wishes if wish.device == self.driver)
            lost = not wish.held or wish.device in self._must_let_go
            if lost or tool is None or elapsed_s > STALL_S:
                return self._end()
            return self._drive(wish, elapsed_s, tool)
        waiting = [wish for wish in wishes if wish.held and wish.device not in self._must_let_go]
        refusal = self._begin(waiting[0], tool) if waiting else ""
        if refusal:
            self._must_let_go[waiting[0].device] = f"refused: {refusal}"
        if not waiting or refusal:
            self._say_why_nobody()
            return None
        assert tool is not None
        return self._drive(waiting[0], 0.0, tool)

    def refuse(self, wishes: Sequence[Wish], reason: str) -> Chunk | None:
        """Has everybody let go first who holds a switch now; the "stop" where somebody drove."""
        self._must_let_go |= {wish.device: reason for wish in wishes if wish.held}
        return self._end() if self.driver else None

    def _begin(self, wish: Wish, tool: Tool | None) -> str:
        """Begins where the tool is; why it may not, or ""."""
        if tool is None:
            return "the tool's pose is not known, no joint states come"
        if wish.motion.pose is not None:
            change = pose_change(tool.pose, wish.motion.pose)
            away_m, turned_rad = float(np.linalg.norm(change[:3])), float(np.linalg.norm(change[3:]))
            limits = self.limits
            if away_m > limits.max_jump_m or (limits.angular_speed > 0.0 and turned_rad > limits.max_jump_rad):
                return (
                    f"the wanted pose is {away_m:.2f} m and {turned_rad:.2f} rad from the tool, at most "
                    f"{limits.max_jump_m:g} m and {limits.max_jump_rad:g} rad are allowed; let go and begin at the tool"
                )
        self.driver, self._opening = wish.device, tool.opening
        self._reference = Reference(tool.pose, self.limits)
        return ""

    def _drive(self, wish: Wish, elapsed_s: float, tool: Tool) -> Chunk:
        assert self._reference is not None
        self._reference.limits = self.limits
        self._reference.advance(wish.motion, elapsed_s, tool.pose)
        if wish.opening is not None:
            self._opening = wish.opening
        limited = self._reference.limited
        self.status = f"driving: {self.driver}" + (f"; {limited}" if limited else "")
        self.is_warning = bool(limited)
        return Chunk(self._reference.ahead(wish.motion, TIMES_S), self._opening)

    def _end(self) -> Chunk:
        self.driver, self._reference = "", None
        self._say_why_nobody()
        return Chunk(np.empty((0, 7)), self._opening)

    def _say_why_nobody(self) -> None:
        refusals = list(self._must_let_go.values())
        self.status, self.is_warning = (refusals[0], True) if refusals else ("released", False)
