"""The tabletop tasks behind one small protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from robot_wm.contract import TABLETOP
from sim.world import BLOCK_SIZE_M, World

PUSH_HEIGHT_M = 0.025
CONTACT_M = BLOCK_SIZE_M / 2 + 0.012
"""Distance between tool and block centre when a finger touches a face of the block."""
BLOCK_LOW, BLOCK_HIGH = np.array([0.40, -0.17]), np.array([0.60, 0.17])
REACH_LOW, REACH_HIGH = np.array([0.36, -0.22, 0.05]), np.array([0.62, 0.22, 0.28])


class Task(Protocol):
    """A goal given as an image, and the test of having reached it.

    Attributes:
        max_steps: Contract steps after which an episode has failed.
        goal: Position (3,) that the tool or the block must come to, metres; only the test of success uses it.
    """

    name: str
    max_steps: int
    goal: np.ndarray

    def reset(self, world: World, rng: np.random.Generator) -> np.ndarray:
        """Sets the scene up and returns the goal image, uint8 (H, W, 3); the world is left at its start."""
        ...

    def distance(self, world: World) -> float:
        """Metres between where the thing that matters is and where the goal image shows it."""
        ...

    def success(self, world: World) -> bool:
        """Whether the distance is within the task's tolerance."""
        ...


_CAMERA = (TABLETOP.camera.name, TABLETOP.camera.height, TABLETOP.camera.width)


def camera_image(world: World) -> np.ndarray:
    """What the contract's first camera sees, uint8 (H, W, 3)."""
    return world.render(*_CAMERA)


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


class Reach:
    """Bring the tool to where the goal image shows it."""

    name, max_steps, tolerance_m = "reach", 25, 0.02

    def reset(self, world: World, rng: np.random.Generator) -> np.ndarray:
        block = random_block(rng)
        world.place_block(block, rng.uniform(-np.pi, np.pi))
        start, self.goal = clear_tool(block, rng), clear_tool(block, rng)
        while np.linalg.norm(start - self.goal) < 0.10:
            self.goal = clear_tool(block, rng)
        world.place_robot(self.goal)
        self.goal = world.ee_pose()[:3]
        image = camera_image(world)
        world.place_robot(start)
        return image

    def distance(self, world: World) -> float:
        return float(np.linalg.norm(world.ee_pose()[:3] - self.goal))

    def success(self, world: World) -> bool:
        return self.distance(world) < self.tolerance_m


VISIBLE_PIXELS = 20
"""The goal image shows at least this much of the block, about a third of it; a hidden block is no goal."""


class Push:
    """Bring the block to where the goal image shows it, with the tool where such a push would end.

    Pushes that end with the hand between camera and block are not asked for, as their goal image would not show it.
    """

    name, max_steps, tolerance_m = "push", 50, 0.03

    def reset(self, world: World, rng: np.random.Generator) -> np.ndarray:
        yaw = rng.uniform(-np.pi, np.pi)
        block, self.goal = _push_pair(rng)
        self._pose_goal(world, block, yaw)
        while world.block_pixels(*_CAMERA) < VISIBLE_PIXELS:
            block, self.goal = _push_pair(rng)
            self._pose_goal(world, block, yaw)
        image = camera_image(world)
        world.place_robot(clear_tool(block, rng))
        world.place_block(block, yaw)
        return image

    def _pose_goal(self, world: World, block: np.ndarray, yaw: float) -> None:
        """Puts block and tool where a straight push from `block` (3,) to the goal would leave them."""
        direction = (self.goal - block) / np.linalg.norm(self.goal - block)
        world.place_block(self.goal, yaw)
        world.place_robot(self.goal - direction * (CONTACT_M + 0.005) + [0, 0, PUSH_HEIGHT_M - BLOCK_SIZE_M / 2])

    def distance(self, world: World) -> float:
        return float(np.linalg.norm(world.block_position()[:2] - self.goal[:2]))

    def success(self, world: World) -> bool:
        return self.distance(world) < self.tolerance_m


def _push_pair(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    while True:
        block, goal = random_block(rng), random_block(rng)
        if 0.08 <= np.linalg.norm(goal - block) <= 0.18:
            return block, goal


TASKS: Mapping[str, type[Reach] | type[Push]] = {"reach": Reach, "push": Push}
