"""What a task is, and how scenes are drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from robot_wm.contract import TABLETOP, Contract
from robot_wm.errors import TaskError
from sim.equipment import PLAIN, Equipment
from sim.world import BLOCK_SIZE_M, World

PUSH_HEIGHT_M = 0.025
CONTACT_M = BLOCK_SIZE_M / 2 + 0.012
"""Distance between tool and block centre when a finger touches a face of the block."""
BLOCK_LOW, BLOCK_HIGH = np.array([0.40, -0.17]), np.array([0.60, 0.17])
REACH_LOW, REACH_HIGH = np.array([0.36, -0.22, 0.05]), np.array([0.62, 0.22, 0.28])
FREE_STRIDE_M, PUSH_STRIDE_M = 0.035, 0.024
"""How far scripted play moves in one step, in the air and against something, on average."""
VISIBLE_PIXELS = 20
"""A goal image shows at least this much of the thing that matters; of a block it is about a third."""


class Task(ABC):
    """A goal given as an image, and the test of having reached it.

    Args:
        goal_steps: Difficulty: the goal is as far from the start as scripted play moves in so many steps. None draws
            from the task's own range.

    Attributes:
        max_steps: Contract steps after which an episode has failed.
        tolerance_m: Distance below which it has succeeded.
        distances_m: The task's own range of distances between start and goal.
        possible_m: The range in which the table has room for them.
        stride_m: Way of one step of scripted play.
        equipment: What the world must have.
        contract: The robot's contract, which frees what the task needs.
        goal: Where the thing that matters must come to, metres; only the test of success and scripts use it.

    Raises:
        TaskError: There is no room on the table for a goal so far, or so near.
    """

    name: str
    max_steps: int
    tolerance_m: float
    distances_m: tuple[float, float]
    possible_m: tuple[float, float]
    stride_m: float = PUSH_STRIDE_M
    equipment: Equipment = PLAIN
    contract: Contract = TABLETOP
    goal: np.ndarray

    def __init__(self, goal_steps: int | None = None) -> None:
        self.range_m = self.distances_m
        if goal_steps is None:
            return
        self.range_m = (goal_steps - 0.5) * self.stride_m, (goal_steps + 0.5) * self.stride_m
        nearest, furthest = (round(limit / self.stride_m) for limit in self.possible_m)
        if not nearest <= goal_steps <= furthest:
            raise TaskError(f"task {self.name}: goal_steps is {goal_steps}; {nearest} to {furthest} are possible")

    @abstractmethod
    def reset(self, world: World, rng: np.random.Generator) -> np.ndarray:
        """Sets the scene up and returns the goal image, uint8 (H, W, 3); the world is left at its start."""

    @abstractmethod
    def distance(self, world: World) -> float:
        """Metres between where the thing that matters is and where the goal image shows it."""

    def success(self, world: World) -> bool:
        """Whether the distance is within the task's tolerance; asked after every step."""
        return self.distance(world) < self.tolerance_m

    def monitor(self, world: World) -> dict[str, np.ndarray]:
        """Privileged columns beside the block's position, for monitoring only."""
        return {}

    def fits(self, start: np.ndarray, goal: np.ndarray) -> bool:
        """Whether start and goal are as far apart as was asked for."""
        return bool(self.range_m[0] <= np.linalg.norm(goal - start) <= self.range_m[1])


CAMERA = (TABLETOP.camera.name, TABLETOP.camera.height, TABLETOP.camera.width)


def camera_image(world: World) -> np.ndarray:
    """What the contract's first camera sees, uint8 (H, W, 3)."""
    return world.render(*CAMERA)


def random_block(rng: np.random.Generator) -> np.ndarray:
    """A random resting position (3,) of the block's centre."""
    return np.append(rng.uniform(BLOCK_LOW, BLOCK_HIGH), BLOCK_SIZE_M / 2)


def random_tool(rng: np.random.Generator) -> np.ndarray:
    """A random tool position (3,) above the table."""
    return rng.uniform(REACH_LOW, REACH_HIGH)


def clear_tool(block: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random tool position (3,) that does not touch the block."""
    while True:
        tool = random_tool(rng)
        if tool[2] > 0.13 or np.linalg.norm(tool[:2] - block[:2]) > 0.14:
            return tool


def off_the_way(point: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    """Distance on the table of a point from the straight way between two others, each (2,) or more; metres."""
    way = (end - start)[:2]
    share = np.clip((point - start)[:2] @ way / (way @ way + 1e-9), 0.0, 1.0)
    return float(np.linalg.norm(start[:2] + share * way - point[:2]))
