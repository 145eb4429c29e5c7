"""Whose plans controller_node follows: the planner's, a person's or nobody's; no ROS in here."""

from __future__ import annotations

from typing import Literal

Source = Literal["planner", "person", "none"]
SOURCE, PERSON_PLAN = "control/source", "teleop/plan"
TAKE, GIVE_BACK = "control/take", "control/give_back"
SILENCE_S = 0.3
"""Longest silence of a person's plans, on the monotonic clock, after which nobody is in control."""


class ControlSource:
    """Who is in control, and why.

    A person takes control by sending plans and keeps it until they are given back: a person who falls silent or sends
    "stop" leaves the arm to nobody, never to the planner.

    Attributes:
        source: Whose plans are followed.
        reason: Why.
    """

    def __init__(self) -> None:
        self.source: Source = "planner"
        self.reason = "nobody has taken over"
        self._heard_s = -float("inf")

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"

    def heed_person(self, is_stop: bool, now_s: float) -> bool:
        """Takes note of a person's plan; whether it is to be followed.

        Args:
            is_stop: Whether it has no poses.
            now_s: Monotonic time.
        """
        if not is_stop:
            self.source, self.reason, self._heard_s = "person", "the dead-man switch is held", now_s
            return True
        if self.source != "person":
            return False
        self.source, self.reason = "none", "the person let go; control/give_back lets the planner go on"
        return True

    def look(self, now_s: float) -> None:
        """Ends a person's control after a silence."""
        if self.source == "person" and now_s - self._heard_s > SILENCE_S:
            self.source = "none"
            self.reason = f"{PERSON_PLAN} is silent for over {SILENCE_S:g} s; is teleop_node running?"

    def take(self) -> None:
        """Takes control from the planner, so that the arm stands; a person who drives goes on."""
        if self.source == "planner":
            self.source, self.reason = "none", f"{TAKE} was called; {GIVE_BACK} lets the planner go on"

    def give_back(self) -> str:
        """Gives control to the planner; why not, or ""."""
        if self.source == "person":
            return "a person holds the dead-man switch; let go first"
        if self.source != "planner":
            self.source, self.reason = "planner", "control was given back"
        return ""


def source_of(text: str) -> str:
    """The source in a message of `control/source`."""
    return text.partition(":")[0]
