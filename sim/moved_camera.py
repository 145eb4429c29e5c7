"""Nods of the simulated arm before a camera that was moved: what the check before motion is measured on."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np

from robot_wm.contract import TABLETOP
from robot_wm.safety.view_check import FRAMES, NOD_S, nod
from sim.randomization import Randomization
from sim.tasks import TASKS, camera_image
from sim.world import World

STILL = Randomization(camera_position=0.0, camera_angle=0.0)
"""Looks, light and physics change, the camera stays."""
CHANGED = 0.75
"""Share of nods before looks that are changed; the others are before the nominal ones."""


def film_nod(
    world: World, rng: np.random.Generator, moved_m: float, turned_deg: float
) -> tuple[np.ndarray, np.ndarray]:
    """One nod where reaching or pushing begins, the camera moved and turned in random directions.

    Returns:
        Pictures uint8 (FRAMES, H, W, 3), and the tool's places (FRAMES, 3), metres.
    """
    world.reset(rng)
    TASKS["reach" if rng.random() < 0.5 else "push"]().reset(world, rng)
    world.scene = replace(
        world.scene,
        camera_offset=world.scene.camera_offset + moved_m * _direction(rng),
        camera_rotation=world.scene.camera_rotation + np.radians(turned_deg) * _direction(rng),
    )
    poses = nod(world.ee_pose(), np.linspace(0.0, NOD_S, FRAMES + 1)[1:], TABLETOP)
    images, places = [], []
    for pose in poses:
        world.step_pose(pose[:3], pose[3:], 0.0, NOD_S / FRAMES)
        images.append(camera_image(world))
        places.append(world.ee_pose()[:3])
    return np.stack(images), np.stack(places)


def film_nods(
    count: int, seed: int, moved_m: float = 0.0, turned_deg: float = 0.0, ranges: Randomization = STILL
) -> tuple[np.ndarray, np.ndarray]:
    """`count` nods: pictures uint8 (count, FRAMES, H, W, 3) and places (count, FRAMES, 3), metres.

    Args:
        ranges: What changes in the share `CHANGED` of them.
    """
    films = []
    with closing(World(ranges)) as changed, closing(World()) as nominal:
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            films.append(film_nod(changed if rng.random() < CHANGED else nominal, rng, moved_m, turned_deg))
    return np.stack([film[0] for film in films]), np.stack([film[1] for film in films])


def _direction(rng: np.random.Generator) -> np.ndarray:
    vector = rng.normal(size=3)
    return vector / np.linalg.norm(vector)
