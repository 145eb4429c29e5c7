"""The script of each task behind one protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from sim.gripping import DrawerScript, GripScript
from sim.pusher import Player, PlayStyle
from sim.tasks.task import Task, off_the_way, random_block, random_tool
from sim.world import World

PLACED_M = 0.014
RAISED_M = 0.12


class Script(Protocol):
    """Chooses what to do from the true positions of things, which a model never sees."""

    @property
    def behaviour(self) -> str:
        """What it is about, one of `sim.pusher.BEHAVIOURS`."""

    def pursue(self, task: Task) -> None:
        """Does the task, and plays on when it is done."""

    def act(self, world: World, tool: np.ndarray) -> np.ndarray:
        """Displacement and opening (4,) for one step with the tool at `tool` (3,)."""


class PushScript:
    """Wanders, and pushes the block."""

    def __init__(self, style: PlayStyle, rng: np.random.Generator) -> None:
        self._player = Player(style, rng)

    @property
    def behaviour(self) -> str:
        """What it is about."""
        return self._player.behaviour

    def pursue(self, task: Task) -> None:
        self._player.pursue(task.name, task.goal)

    def act(self, world: World, tool: np.ndarray) -> np.ndarray:
        return np.append(self._player.act(tool, world.block_position()), 0.0)


class TwoBlockScript:
    """Pushes one of two blocks at a time, and lifts the tool before it turns to another."""

    def __init__(self, style: PlayStyle, rng: np.random.Generator) -> None:
        self._style, self._rng, self._player = style, rng, Player(style, rng)
        self._goals: np.ndarray | None = None
        self._number, self._patience, self._target, self._wandering = 0, 0, np.zeros(3), False
        self._raised = True

    @property
    def behaviour(self) -> str:
        """What it is about."""
        return self._player.behaviour

    def pursue(self, task: Task) -> None:
        self._goals, self._patience = task.goal, 0

    def act(self, world: World, tool: np.ndarray) -> np.ndarray:
        blocks = np.stack([world.block_position(number) for number in range(2)])
        if self._patience <= 0 or self._arrived(tool, blocks):
            self._choose(blocks)
        self._patience -= 1
        self._raised |= bool(tool[2] > RAISED_M)
        if not self._raised:
            return np.array([0.0, 0.0, self._style.speed_m, 0.0])
        self._player.obstacles = () if self._wandering else (blocks[1 - self._number],)
        return np.append(self._player.act(tool, blocks[self._number]), 0.0)

    def _arrived(self, tool: np.ndarray, blocks: np.ndarray) -> bool:
        if self._wandering:
            return bool(np.linalg.norm(tool - self._target) < 0.015)
        return bool(np.linalg.norm((blocks[self._number] - self._target)[:2]) < PLACED_M)

    def _choose(self, blocks: np.ndarray) -> None:
        """The block with the freest way to its goal while one is not there; then whatever comes."""
        self._raised, self._wandering, self._patience = False, False, 40
        far = self._unplaced(blocks)
        if self._goals is not None and far:
            goals = self._goals
            self._number = max(far, key=lambda n: off_the_way(blocks[1 - n], blocks[n], goals[n]))
            self._target = goals[self._number]
        else:
            self._goals = None
            self._wandering = bool(self._rng.random() < self._style.wander)
            self._number = int(self._rng.integers(2))
            self._target = self._free_place(blocks)
        self._player.pursue("reach" if self._wandering else "push", self._target, patience=10 * self._patience)

    def _unplaced(self, blocks: np.ndarray) -> list[int]:
        if self._goals is None:
            return []
        away = np.linalg.norm((blocks - self._goals)[:, :2], axis=1)
        return [number for number in range(2) if away[number] >= PLACED_M]

    def _free_place(self, blocks: np.ndarray) -> np.ndarray:
        if self._wandering:
            return np.maximum(random_tool(self._rng), [0.0, -1.0, RAISED_M])
        other = blocks[1 - self._number]
        while True:
            place = random_block(self._rng)
            if np.linalg.norm((place - other)[:2]) > 0.10:
                return place


SCRIPTS: Mapping[str, Callable[[PlayStyle, np.random.Generator], Script]] = {
    "reach": PushScript,
    "push": PushScript,
    "far_push": PushScript,
    "grasp": GripScript,
    "pick_place": GripScript,
    "drawer": DrawerScript,
    "two_block": TwoBlockScript,
}
"""The script of each task."""
