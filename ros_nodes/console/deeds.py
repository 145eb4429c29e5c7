"""What the page can have done; the node does it."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ros_nodes.console.board import Board
from ros_nodes.console.hand import Hand


class Deeds(Protocol):
    """None of these waits; what came of them is noted on the board.

    Attributes:
        board: What was heard.
        hand: What the gizmo and the nudge buttons want.
    """

    board: Board
    hand: Hand

    def estop(self) -> None:
        """Stops the robot at once."""

    def trigger(self, service: str) -> None:
        """Calls a Trigger service."""

    def move(self) -> None:
        """Says now what `hand` wants, ahead of the next repetition."""

    def grip(self, opening: float) -> None:
        """Wants the gripper at an opening 0 … 1."""

    def send_goal(self, pixels: np.ndarray) -> None:
        """Makes a picture uint8 (H, W, 3) the goal."""

    def set_up(self, task: str, seed: int) -> None:
        """Sets a task up in the simulation."""

    def record(self, is_on: bool, task: str) -> None:
        """Begins a recording of episodes of a task, or ends it."""
