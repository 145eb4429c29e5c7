"""Pushing one block, near and far."""

from __future__ import annotations

import numpy as np

from sim.tasks.task import (
    BLOCK_HIGH,
    BLOCK_LOW,
    CAMERA,
    CONTACT_M,
    PUSH_HEIGHT_M,
    VISIBLE_PIXELS,
    Task,
    camera_image,
    clear_tool,
)
from sim.world import BLOCK_SIZE_M, World


class Push(Task):
    """Bring the block to where the goal image shows it, with the tool where such a push would end.

    Pushes that end with the hand between camera and block are not asked for, as their goal image would not show it.
    """

    name, max_steps, tolerance_m = "push", 50, 0.03
    distances_m, possible_m = (0.08, 0.18), (0.07, 0.30)
    low, high = BLOCK_LOW, BLOCK_HIGH

    def reset(self, world: World, rng: np.random.Generator) -> np.ndarray:
        yaw = rng.uniform(-np.pi, np.pi)
        block, self.goal = self._pair(rng)
        self._pose_goal(world, block, yaw)
        while world.block_pixels(*CAMERA) < VISIBLE_PIXELS:
            block, self.goal = self._pair(rng)
            self._pose_goal(world, block, yaw)
        image = camera_image(world)
        world.place_robot(clear_tool(block, rng))
        world.place_block(block, yaw)
        return image

    def _pose_goal(self, world: World, block: np.ndarray, yaw: float) -> None:
        """Puts block and tool where a straight push from `block` (3,) to the goal would leave them."""
        world.place_block(self.goal, yaw)
        world.place_robot(end_of_push(block, self.goal))

    def _pair(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        while True:
            block, goal = (np.append(rng.uniform(self.low, self.high), BLOCK_SIZE_M / 2) for _ in range(2))
            if self.fits(block, goal):
                return block, goal

    def distance(self, world: World) -> float:
        return float(np.linalg.norm(world.block_position()[:2] - self.goal[:2]))


class FarPush(Push):
    """Push the block further than play ever does in one go: right across the table."""

    name, max_steps = "far_push", 90
    distances_m, possible_m = (0.33, 0.44), (0.24, 0.44)
    low, high = np.array([0.40, -0.22]), np.array([0.60, 0.22])


def end_of_push(start: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Where the tool (3,) is when it has pushed a block straight from `start` (3,) to `goal` (3,)."""
    direction = (goal - start) / np.linalg.norm(goal - start)
    return goal - direction * (CONTACT_M + 0.005) + [0, 0, PUSH_HEIGHT_M - BLOCK_SIZE_M / 2]
