"""Pushing two blocks."""

from __future__ import annotations

import numpy as np

from sim.equipment import Equipment
from sim.tasks.push import end_of_push
from sim.tasks.task import BLOCK_HIGH, BLOCK_LOW, CAMERA, VISIBLE_PIXELS, Task, camera_image, off_the_way, random_tool
from sim.world import BLOCK_SIZE_M, World

APART_M = 0.13
"""Blocks that are this far from each other, and from each other's way, can be pushed one at a time."""


class TwoBlock(Task):
    """Bring both blocks to where the goal image shows them, whichever first."""

    name, max_steps, tolerance_m = "two_block", 110, 0.03
    distances_m, possible_m = (0.08, 0.18), (0.07, 0.22)
    equipment = Equipment(second_block=True)
    low, high = BLOCK_LOW - [0.02, 0.05], BLOCK_HIGH + [0.02, 0.05]

    def reset(self, world: World, rng: np.random.Generator) -> np.ndarray:
        yaws = rng.uniform(-np.pi, np.pi, 2)
        while True:
            starts, self.goal = self._layout(rng)
            for number in range(2):
                world.place_block(self.goal[number], yaws[number], number=number)
            world.place_robot(end_of_push(starts[1], self.goal[1]))
            if all(world.block_pixels(*CAMERA, number) >= VISIBLE_PIXELS for number in range(2)):
                break
        image = camera_image(world)
        for number in range(2):
            world.place_block(starts[number], yaws[number], number=number)
        world.place_robot(random_tool(rng) * [1, 1, 0] + [0, 0, rng.uniform(0.14, 0.28)])
        return image

    def _layout(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Starts and goals (2, 3): the first block can be pushed before the second without touching it."""
        while True:
            places = np.append(rng.uniform(self.low, self.high, (4, 2)), np.full((4, 1), BLOCK_SIZE_M / 2), axis=1)
            (first, first_goal), (second, second_goal) = places[:2], places[2:]
            if not (self.fits(first, first_goal) and self.fits(second, second_goal)):
                continue
            clearances = off_the_way(second, first, first_goal), off_the_way(first_goal, second, second_goal)
            if min(clearances) > APART_M:
                return np.stack([first, second]), np.stack([first_goal, second_goal])

    def distances(self, world: World) -> np.ndarray:
        """Distance (2,) of each block from its place."""
        places = np.stack([world.block_position(number) for number in range(2)])
        return np.linalg.norm((places - self.goal)[:, :2], axis=1)

    def distance(self, world: World) -> float:
        return float(self.distances(world).max())

    def monitor(self, world: World) -> dict[str, np.ndarray]:
        return {"second_block": world.block_position(1).astype(np.float32)}
