"""What the console heard last: written by the node's callbacks, read by the page."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from ros_nodes.conversions import Plan

HISTORY = 300
"""Points of the live curves."""


@dataclass(frozen=True)
class Shot:
    """A camera picture uint8 (H, W, 3) and its stamp in seconds."""

    stamp_s: float
    pixels: np.ndarray


@dataclass(frozen=True)
class Word:
    """What somebody said, and when it was heard (monotonic seconds)."""

    text: str = ""
    heard_s: float = -np.inf


@dataclass
class Board:
    """Each field is replaced as a whole, so that readers need no lock; queues take one entry at a time.

    Attributes:
        joints: Positions by joint name, rad or m.
        pose: Pose (7,) of the tool in the base frame.
        opening: The gripper's, 0 (closed) … 1 (open).
        views: Newest picture of each camera by its topic.
        goal: Picture that is the planner's goal.
        sim_goal: Goal picture of the simulated task.
        sim_task: Name of the simulated task and what is said of it.
        plan: The planner's newest chunk, None when it says stop.
        subgoal: Latent (N, D) that the fast level pursues.
        health: Of each node: its diagnostics with 'message' and 'level'.
        health_heard_s: When, monotonic seconds.
        energies: (monotonic seconds, energy summed over the chunk).
        surprises: (monotonic seconds, surprise in standard deviations of the latent).
        note: What came of the last click.
    """

    joints: dict[str, float] = field(default_factory=dict)
    pose: np.ndarray | None = None
    opening: float = 1.0
    views: dict[str, Shot] = field(default_factory=dict)
    goal: np.ndarray | None = None
    sim_goal: np.ndarray | None = None
    sim_task: Word = Word()
    plan: Plan | None = None
    subgoal: np.ndarray | None = None
    safety: dict[str, str] = field(default_factory=dict)
    safety_heard_s: float = -np.inf
    source: Word = Word()
    situation: Word = Word()
    teleop: Word = Word()
    health: dict[str, dict[str, str]] = field(default_factory=dict)
    health_heard_s: dict[str, float] = field(default_factory=dict)
    energies: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    surprises: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    note: Word = Word()

    def says(self, text: str) -> None:
        """Notes what came of a click."""
        self.note = Word(text, time.monotonic())
