"""Opening and closing a drawer."""

from __future__ import annotations

import numpy as np

from robot_wm.contract import TABLETOP_GRIPPER
from sim.drawer import TRAVEL_M
from sim.equipment import Equipment
from sim.tasks.grip import RELEASE_HEIGHT_M
from sim.tasks.task import CAMERA, VISIBLE_PIXELS, Task, camera_image, random_tool
from sim.world import BLOCK_SIZE_M, World


class SlideDrawer(Task):
    """Open or close the drawer until it is as the goal image shows it. The block only lies there."""

    name, max_steps, tolerance_m = "drawer", 50, 0.02
    distances_m, possible_m = (0.05, TRAVEL_M), (0.05, 0.10)
    equipment, contract = Equipment(grip=True, drawer=True), TABLETOP_GRIPPER

    def reset(self, world: World, rng: np.random.Generator) -> np.ndarray:
        drawer, side = world.drawer, rng.choice([-1.0, 1.0])
        drawer.place(np.array([rng.uniform(0.42, 0.56), side * rng.uniform(0.17, 0.20)]), -side * np.pi / 2)
        block = np.array([rng.uniform(0.40, 0.60), -side * rng.uniform(0.12, 0.20), BLOCK_SIZE_M / 2])
        world.place_block(block, rng.uniform(-np.pi, np.pi))
        while True:
            start, end = rng.uniform(0.0, TRAVEL_M, 2)
            if not self.fits(start, end):
                continue
            drawer.open_to(end)
            self.goal = drawer.handle_position(end)
            world.place_robot(self.goal * [1, 1, 0] + [0, 0, RELEASE_HEIGHT_M], gripper=1.0)
            if world.handle_pixels(*CAMERA) >= VISIBLE_PIXELS:
                break
        self.opening = end
        image = camera_image(world)
        drawer.open_to(start)
        world.place_robot(random_tool(rng) * [1, 1, 0] + [0, 0, rng.uniform(0.16, 0.28)], gripper=1.0)
        return image

    def distance(self, world: World) -> float:
        return abs(world.drawer.opening() - self.opening)

    def monitor(self, world: World) -> dict[str, np.ndarray]:
        return {"opening": np.array([world.drawer.opening()], dtype=np.float32)}
