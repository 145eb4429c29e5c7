"""Situations that a model of scripted play was never shown, each of its own kind."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from robot_wm.contract import TABLETOP
from robot_wm.data.episode import Episode
from sim.bullet import pybullet
from sim.play import play_episode, record, scatter
from sim.pusher import PlayStyle
from sim.randomization import Randomization
from sim.robot import DOWN
from sim.scripts import SCRIPTS
from sim.tasks import TASKS
from sim.world import World

Strangeness = Literal["none", "objects", "looks", "camera", "arm"]
STRANGENESS: tuple[Strangeness, ...] = get_args(Strangeness)
WILD = 3.0
"""How many times wider the looks are drawn than in training."""
FAR_LOW, FAR_HIGH = np.array([0.36, 0.30, 0.10]), np.array([0.62, 0.42, 0.50])
"""Tool positions beside the workspace, where play never goes; either side of the middle."""
RANGES = {
    "objects": Randomization(),
    "looks": Randomization(
        block_colour=WILD * 0.25,
        table_colour=WILD * 0.15,
        arm_tint=0.75,
        light_direction=WILD * 0.6,
        light_strength=0.9,
    ),
    "camera": Randomization(camera_position=0.10, camera_angle=float(np.radians(15.0))),
    "arm": Randomization(),
}
"""What the scene is drawn from; "none" is drawn as in training."""


def strange_episode(kind: Strangeness, seed: int, steps: int) -> Episode:
    """An episode of pushing play in a strange situation; the same seed gives the same episode.

    Args:
        kind: "none" is play as in training; "objects" puts three things of unknown shape and colour on the table;
            "looks" draws colours and light far wider than training does, "camera" the camera's place; in "arm" the
            tool moves beside the workspace.
    """
    if kind == "none":
        return play_episode("push", seed, steps, 0.6)
    rng = np.random.default_rng([seed, STRANGENESS.index(kind)])
    world = World(RANGES[kind])
    try:
        world.reset(rng)
        scatter(world, rng)
        if kind == "objects":
            _add_things(world, rng)
        if kind == "arm":
            return _beside(world, rng, steps)
        script = SCRIPTS["push"](PlayStyle.sample("push", rng), rng)
        return record(world, TASKS["push"](), steps, script, lambda image, tool: script.act(world, tool))
    finally:
        world.close()


def _add_things(world: World, rng: np.random.Generator) -> None:
    bullet = world._bullet
    for _ in range(3):
        size, colour = rng.uniform(0.025, 0.05), (*rng.permutation([0.1, 0.9, rng.uniform(0.2, 0.9)]), 1.0)
        if rng.random() < 0.5:
            shape = {"shapeType": pybullet.GEOM_SPHERE, "radius": size}
            visual = bullet.createVisualShape(**shape, rgbaColor=colour)
            body = bullet.createCollisionShape(**shape)
        else:
            visual = bullet.createVisualShape(pybullet.GEOM_CYLINDER, radius=size, length=3 * size, rgbaColor=colour)
            body = bullet.createCollisionShape(pybullet.GEOM_CYLINDER, radius=size, height=3 * size)
        place = [rng.uniform(0.38, 0.66), rng.uniform(-0.25, 0.25), 1.5 * size]
        thing = bullet.createMultiBody(0.3, body, visual, place)
        bullet.changeDynamics(thing, -1, rollingFriction=0.01, lateralFriction=0.6)


def _beside(world: World, rng: np.random.Generator, steps: int) -> Episode:
    """The tool wanders beside the workspace by random displacements."""
    mirror = np.array([1.0, rng.choice([-1.0, 1.0]), 1.0])
    place = rng.uniform(FAR_LOW, FAR_HIGH)
    world.place_robot(place * mirror)
    low, high = np.array(TABLETOP.action_low[:3]), np.array(TABLETOP.action_high[:3])
    images, states, actions = [], [], []
    for _ in range(steps):
        target = np.clip(place + rng.uniform(low, high), FAR_LOW, FAR_HIGH)
        images.append(world.render(TABLETOP.camera.name, TABLETOP.camera.height, TABLETOP.camera.width))
        states.append(world.state())
        actions.append(np.concatenate([(target - place) * mirror, np.zeros(4)]))
        place = target
        world.step_pose(place * mirror, DOWN, 0.0, TABLETOP.step_s)
    return Episode(
        images=np.stack(images),
        states=np.stack(states),
        actions=np.stack(actions).astype(np.float32),
        stamps=np.arange(steps) * TABLETOP.step_s,
        task="arm beside the workspace",
        monitor={},
    )
