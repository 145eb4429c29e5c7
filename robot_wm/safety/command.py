"""What the guard is given: commands, and when to follow them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class GuardSettings:
    """When commands are followed, and how.

    Attributes:
        tick_s: Seconds between two calls of `step`.
        command_timeout_s: Longest silence of the commands before the arm brakes.
        retry_s: After a refused command or a jump of the joint states the arm holds for so long.
        quiet_s: After `reset` commands must pause for so long before one is followed: whatever commanded before the
            stop does not set the arm in motion again by itself.
        catch_up_s: Time constant with which the arm closes in on where the commands are.
        max_lead: Largest distance between a command and the commanded motion, radians (or metres).
        max_tracking_error: Largest distance between the commanded motion and the measured joints, likewise.
        jump_margin: How much more than the speed limit allows joints may move between two messages, likewise.
        stop_spacing_s: Time between the points of the way to rest that are looked at.
        stall_s: Longest time between two calls of `step` in motion, after which the arm stays stopped.
        tracking: What of a command the arm follows: its joints, the pose alone, or the velocity alone, where each tick
            begins at the measured joints.
    """

    tick_s: float = 0.008
    command_timeout_s: float = 0.1
    retry_s: float = 0.5
    quiet_s: float = 0.3
    catch_up_s: float = 0.04
    max_lead: float = 0.2
    max_tracking_error: float = 0.3
    jump_margin: float = 0.1
    stop_spacing_s: float = 0.04
    stall_s: float = 0.3
    tracking: Literal["joints", "pose", "velocity"] = "joints"


@dataclass(frozen=True)
class Command:
    """Where the joints are to be at a time, and how fast they move then; (n,) each, monotonic seconds."""

    position: np.ndarray
    velocity: np.ndarray
    due_s: float
    received_s: float


@dataclass
class Counts:
    """What was refused, by kind."""

    refused: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str) -> None:
        """One more of a kind."""
        self.refused[kind] = self.refused.get(kind, 0) + 1
