"""The scripts that grip: one lifts, carries and puts down a block, the other moves a drawer by its handle."""

from __future__ import annotations

import numpy as np

from robot_wm.contract import TABLETOP_GRIPPER
from sim.drawer import TRAVEL_M
from sim.pusher import PlayStyle
from sim.tasks.grip import RELEASE_HEIGHT_M, Grasp
from sim.tasks.task import Task, random_block, random_tool
from sim.world import World

CENTRED_M, ASTRIDE_M = 0.012, 0.03
"""Sideways distances from which the fingers may close, and may be lowered."""
PATIENCE = 45
HELD_STEPS = 1
"""Steps that the fingers have been closing for before they hold anything."""


class GripScript:
    """Chooses the next tool displacement and gripper opening from the true positions of tool and block.

    Attributes:
        behaviour: What it is about, one of `sim.pusher.BEHAVIOURS`.
    """

    safe_m = 0.11
    """Height at which the open hand touches nothing."""

    def __init__(self, style: PlayStyle, rng: np.random.Generator) -> None:
        self._style, self._rng = style, rng
        self.behaviour = "wander"
        self._opening, self._closed_for, self._patience, self._began = 1.0, 0, 0, False
        self._aim, self._target, self._releasing = "wander", np.zeros(3), False

    def pursue(self, task: Task) -> None:
        """Does the task, and plays on when it is done."""
        self._begin("lift" if isinstance(task, Grasp) else "place", task.goal, patience=1000)

    def act(self, world: World, tool: np.ndarray) -> np.ndarray:
        """Displacement and opening (4,) for one step with the tool at `tool` (3,)."""
        thing = self._thing(world)
        if not self._began:
            self._take_over(world)
        self._closed_for = self._closed_for + 1 if self._opening < 0.5 else 0
        held = self._closed_for >= HELD_STEPS and self._grips(world)
        if self._patience <= 0 or self._finished(tool, thing, held):
            self._choose(world, held)
        self._patience -= 1
        way = self._decide(tool, thing, held, world.gripper())
        way = way * min(1.0, self._style.speed_m / (float(np.linalg.norm(way)) + 1e-9))
        fine = self.behaviour in ("grasp", "release")
        way = way + self._rng.normal(0.0, self._style.noise_m * (0.3 if fine else 1.0), 3)
        low, high = TABLETOP_GRIPPER.action_low[:3], TABLETOP_GRIPPER.action_high[:3]
        return np.append(np.clip(way, low, high), self._opening)

    def _take_over(self, world: World) -> None:
        """What somebody else has gripped before is not dropped."""
        self._began = True
        if self._grips(world):
            self._opening, self._closed_for = 0.0, HELD_STEPS

    def _thing(self, world: World) -> np.ndarray:
        return world.block_position()

    def _grips(self, world: World) -> bool:
        return world.grips_block()

    def _begin(self, aim: str, target: np.ndarray, patience: int = PATIENCE) -> None:
        self._aim, self._target, self._patience, self._releasing = aim, target, patience, False

    def _choose(self, world: World, held: bool) -> None:
        if self._rng.random() < self._style.wander:
            self._begin("wander", random_tool(self._rng), patience=12)
            self._opening = 0.0 if held and self._rng.random() < 0.8 else float(self._rng.choice([0.0, 1.0]))
        elif held or self._rng.random() < 0.7:
            self._begin("place", random_block(self._rng))
        else:
            self._begin("lift", random_block(self._rng) + [0.0, 0.0, self._rng.uniform(0.06, 0.20)])

    def _finished(self, tool: np.ndarray, thing: np.ndarray, held: bool) -> bool:
        if self._aim == "wander":
            return bool(np.linalg.norm(self._target - tool) < 0.015)
        if self._aim == "lift":
            return held and bool(np.linalg.norm(self._target - thing) < 0.015)
        return self._releasing and bool(tool[2] > RELEASE_HEIGHT_M - 0.01)

    def _decide(self, tool: np.ndarray, thing: np.ndarray, held: bool, opening: float) -> np.ndarray:
        """The way (3,) to go; sets opening and behaviour."""
        if self._aim == "wander":
            self.behaviour = "wander"
            return self._target - tool
        if self._releasing:
            return self._release(tool, opening)
        return self._carry(tool, thing) if held else self._fetch(tool, thing, opening)

    def _fetch(self, tool: np.ndarray, thing: np.ndarray, opening: float) -> np.ndarray:
        aside = np.append(thing[:2] - tool[:2], 0.0)
        across = float(np.linalg.norm(aside))
        low = tool[2] < self.safe_m - 0.01
        self.behaviour = "grasp" if low and across < ASTRIDE_M else "approach"
        if self._opening < 0.5 and self._closed_for < 2 and across < ASTRIDE_M:
            return np.zeros(3)
        self._opening = 1.0
        if low and across > ASTRIDE_M:
            return np.array([0.0, 0.0, self.safe_m - tool[2]])
        if across > CENTRED_M:
            return aside if low else aside + [0.0, 0.0, self.safe_m - tool[2]]
        if tool[2] > thing[2] + 0.008:
            return aside + [0.0, 0.0, thing[2] - tool[2]] if opening > 0.85 else aside
        self._opening = 0.0
        return np.zeros(3)

    def _carry(self, tool: np.ndarray, thing: np.ndarray) -> np.ndarray:
        self.behaviour = "carry"
        way = self._target - thing
        up = np.array([0.0, 0.0, self.safe_m - tool[2]])
        if self._aim == "lift":
            return way if tool[2] > 0.07 else up
        if np.linalg.norm(way[:2]) > CENTRED_M:
            return up if tool[2] < self.safe_m - 0.02 else np.append(way[:2], 0.0) + up
        if thing[2] > self._target[2] + 0.006:
            return way
        return self._release(tool, 0.0)

    def _release(self, tool: np.ndarray, opening: float) -> np.ndarray:
        self._releasing, self._opening, self.behaviour = True, 1.0, "release"
        return np.array([0.0, 0.0, RELEASE_HEIGHT_M - tool[2]]) if opening > 0.85 else np.zeros(3)


class DrawerScript(GripScript):
    """The same with the handle of a drawer in place of the block, which slides instead of being lifted."""

    safe_m = 0.135

    def pursue(self, task: Task) -> None:
        self._begin("slide", task.goal, patience=1000)

    def _thing(self, world: World) -> np.ndarray:
        return world.drawer.handle_position()

    def _grips(self, world: World) -> bool:
        return world.grips_handle()

    def _choose(self, world: World, held: bool) -> None:
        if not held and self._rng.random() < self._style.wander:
            self._begin("wander", np.maximum(random_tool(self._rng), [0.0, -1.0, self.safe_m]), patience=12)
            self._opening = float(self._rng.choice([0.0, 1.0]))
        else:
            self._begin("slide", world.drawer.handle_position(self._rng.uniform(0.0, TRAVEL_M)))

    def _carry(self, tool: np.ndarray, thing: np.ndarray) -> np.ndarray:
        self.behaviour = "carry"
        way = (self._target - thing)[:2]
        distance = float(np.linalg.norm(way))
        if distance < 0.006:
            return self._release(tool, 0.0)
        return np.append(way * min(1.0, self._style.push_m / distance), thing[2] - tool[2])
