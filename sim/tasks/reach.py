"""Reaching."""

from __future__ import annotations

import numpy as np

from sim.tasks.task import FREE_STRIDE_M, Task, camera_image, clear_tool, random_block
from sim.world import World


class Reach(Task):
    """Bring the tool to where the goal image shows it."""

    name, max_steps, tolerance_m = "reach", 25, 0.02
    distances_m, possible_m, stride_m = (0.10, np.inf), (0.07, 0.35), FREE_STRIDE_M

    def reset(self, world: World, rng: np.random.Generator) -> np.ndarray:
        block = random_block(rng)
        world.place_block(block, rng.uniform(-np.pi, np.pi))
        start, self.goal = clear_tool(block, rng), clear_tool(block, rng)
        while not self.fits(start, self.goal):
            self.goal = clear_tool(block, rng)
        world.place_robot(self.goal)
        self.goal = world.ee_pose()[:3]
        image = camera_image(world)
        world.place_robot(start)
        return image

    def distance(self, world: World) -> float:
        return float(np.linalg.norm(world.ee_pose()[:3] - self.goal))
