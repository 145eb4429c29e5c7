"""Tasks of a gripper: lifting a block, and putting it down elsewhere."""

from __future__ import annotations

import numpy as np

from robot_wm.contract import TABLETOP_GRIPPER
from sim.equipment import Equipment
from sim.robot import FINGER_TRAVEL_M
from sim.tasks.task import CAMERA, FREE_STRIDE_M, VISIBLE_PIXELS, Task, camera_image, clear_tool, random_block
from sim.world import BLOCK_SIZE_M, World

LIFT_M = 0.05
RELEASE_HEIGHT_M = 0.16
"""Where the open hand waits above what it has let go."""
ON_BLOCK = BLOCK_SIZE_M / (2 * FINGER_TRAVEL_M)
"""Opening of a gripper that holds the block by its faces."""
YAW_RAD = 0.4
"""Blocks lie turned by at most so much; closing fingers turn them straight. The hand itself does not turn."""


class _Grip(Task):
    tolerance_m, stride_m = 0.03, FREE_STRIDE_M
    equipment, contract = Equipment(grip=True), TABLETOP_GRIPPER

    def _start(self, world: World, block: np.ndarray, rng: np.random.Generator) -> None:
        world.place_robot(clear_tool(block, rng), gripper=1.0)
        world.place_block(block, rng.uniform(-YAW_RAD, YAW_RAD))


class Grasp(_Grip):
    """Lift the block by 5 cm or more; the goal image shows it in the hand, in the air."""

    name, max_steps = "grasp", 35
    distances_m, possible_m = (0.07, 0.14), (0.07, 0.28)

    def reset(self, world: World, rng: np.random.Generator) -> np.ndarray:
        while True:
            block, self.goal = random_block(rng), random_block(rng)
            self.goal[2] += rng.uniform(LIFT_M + 0.01, 0.20)
            if not self.fits(block, self.goal):
                continue
            world.place_robot(self.goal, gripper=ON_BLOCK)
            world.place_block(self.goal)
            if world.block_pixels(*CAMERA) >= VISIBLE_PIXELS:
                break
        image = camera_image(world)
        self._start(world, block, rng)
        return image

    def distance(self, world: World) -> float:
        """Metres that the block must still rise."""
        return max(0.0, BLOCK_SIZE_M / 2 + LIFT_M - float(world.block_position()[2]))

    def success(self, world: World) -> bool:
        return self.distance(world) == 0.0 and world.grips_block()


class PickPlace(_Grip):
    """Lift the block, put it down where the goal image shows it and let go; pushing it there does not count."""

    name, max_steps = "pick_place", 60
    distances_m, possible_m = (0.10, 0.28), (0.07, 0.35)

    def reset(self, world: World, rng: np.random.Generator) -> np.ndarray:
        self._lifted = False
        while True:
            block, self.goal = random_block(rng), random_block(rng)
            if not self.fits(block, self.goal):
                continue
            world.place_robot(self.goal * [1, 1, 0] + [0, 0, RELEASE_HEIGHT_M], gripper=1.0)
            world.place_block(self.goal)
            if world.block_pixels(*CAMERA) >= VISIBLE_PIXELS:
                break
        image = camera_image(world)
        self._start(world, block, rng)
        return image

    def distance(self, world: World) -> float:
        return float(np.linalg.norm(world.block_position() - self.goal))

    def success(self, world: World) -> bool:
        self._lifted |= bool(world.block_position()[2] > BLOCK_SIZE_M / 2 + 0.02)
        return self._lifted and self.distance(world) < self.tolerance_m and not world.in_contact()
