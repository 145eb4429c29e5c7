"""The script that pushes: it knows where things are, wanders, and pushes a block about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robot_wm.contract import TABLETOP
from sim.tasks.task import BLOCK_HIGH, BLOCK_LOW, CONTACT_M, PUSH_HEIGHT_M, off_the_way, random_block, random_tool

HOVER_HEIGHT_M = 0.13
BEHAVIOURS = ("wander", "approach", "push", "grasp", "carry", "release")


@dataclass(frozen=True)
class PlayStyle:
    """How one episode is played; drawn anew for each.

    Attributes:
        speed_m: Distance of free motion a step.
        push_m: Distance of a pushing step.
        noise_m: Standard deviation of the noise on every step.
        wander: Chance that the next thing to do is a free motion.
    """

    speed_m: float
    push_m: float
    noise_m: float
    wander: float

    @classmethod
    def sample(cls, task: str, rng: np.random.Generator) -> PlayStyle:
        """Draws a style; a "reach" episode only wanders."""
        return cls(
            speed_m=rng.uniform(0.03, 0.04),
            push_m=rng.uniform(0.018, 0.03),
            noise_m=rng.choice([0.0, 0.003, 0.008]),
            wander=1.0 if task == "reach" else 0.2,
        )


class Player:
    """Chooses the next tool displacement from the true positions of tool and block.

    Attributes:
        obstacles: Positions that the tool keeps clear of near the table.
    """

    def __init__(self, style: PlayStyle, rng: np.random.Generator) -> None:
        self._style, self._rng = style, rng
        self.behaviour = "wander"
        self.obstacles: Sequence[np.ndarray] = ()
        self._patience = 0

    def act(self, tool: np.ndarray, block: np.ndarray) -> np.ndarray:
        """The displacement (3,) for one step, metres, within the contract's bounds."""
        if self._patience <= 0 or self._arrived(tool, block):
            self._choose(block)
        self._patience -= 1
        step = self._towards(tool, self._target) if self._wandering else self._push(tool, block)
        step = step + self._rng.normal(0.0, self._style.noise_m, 3)
        return np.clip(step, TABLETOP.action_low[:3], TABLETOP.action_high[:3])

    def pursue(self, task: str, target: np.ndarray, patience: int = 1000) -> None:
        """Brings the tool ("reach") or the block ("push") to `target` (3,), metres, within `patience` steps."""
        self._wandering, self._target, self._patience = task == "reach", target, patience

    def _choose(self, block: np.ndarray) -> None:
        self._wandering = self._rng.random() < self._style.wander
        self._patience = 12 if self._wandering else 30
        self._target = random_tool(self._rng) if self._wandering else self._push_target(block)

    def _push_target(self, block: np.ndarray) -> np.ndarray:
        while True:
            target = random_block(self._rng)
            if 0.06 <= np.linalg.norm(target - block) <= 0.22:
                return target
            if np.any(block[:2] < BLOCK_LOW - 0.05) or np.any(block[:2] > BLOCK_HIGH + 0.05):
                return target

    def _arrived(self, tool: np.ndarray, block: np.ndarray) -> bool:
        if self._wandering:
            return bool(np.linalg.norm(tool - self._target) < 0.01)
        return bool(np.linalg.norm(block[:2] - self._target[:2]) < 0.012)

    def _push(self, tool: np.ndarray, block: np.ndarray) -> np.ndarray:
        heading = self._target[:2] - block[:2]
        heading = heading / (np.linalg.norm(heading) + 1e-9)
        offset = tool[:2] - block[:2]
        along = float(offset @ heading)
        across = float(heading[0] * offset[1] - heading[1] * offset[0])
        behind = along < -CONTACT_M * 0.7 and abs(across) < 0.015 and along > -0.11
        low = tool[2] < PUSH_HEIGHT_M + 0.02
        if behind and low:
            return self._shove(tool, heading, across)
        self.behaviour = "approach"
        standoff = np.append(block[:2] - heading * (CONTACT_M + 0.028), PUSH_HEIGHT_M)
        distance = np.linalg.norm(tool[:2] - standoff[:2])
        if distance < 0.012 or (low and self._free_line(tool, standoff, block)):
            return self._towards(tool, standoff)
        hover = np.append(standoff[:2], HOVER_HEIGHT_M)
        if low and np.linalg.norm(offset) < 0.09:
            hover[:2] = tool[:2]
        return self._towards(tool, hover if distance > 0.03 else standoff)

    def _shove(self, tool: np.ndarray, heading: np.ndarray, across: float) -> np.ndarray:
        self.behaviour = "push"
        sideways = np.array([-heading[1], heading[0]])
        step = heading * self._style.push_m - sideways * np.clip(1.2 * across, -0.02, 0.02)
        return np.append(step, PUSH_HEIGHT_M - tool[2])

    def _free_line(self, tool: np.ndarray, standoff: np.ndarray, block: np.ndarray) -> bool:
        return all(off_the_way(thing, tool, standoff) > 0.055 for thing in (block, *self.obstacles))

    def _towards(self, tool: np.ndarray, target: np.ndarray) -> np.ndarray:
        if self._wandering:
            self.behaviour = "wander"
        way = target - tool
        return way * min(1.0, self._style.speed_m / (float(np.linalg.norm(way)) + 1e-9))
