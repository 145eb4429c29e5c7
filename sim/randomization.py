"""Domain randomisation: one dataclass of ranges, and the looks and physics that are drawn from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from sim.equipment import PLAIN, Equipment

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Randomization:
    """How far each property of the scene may move from its nominal value; zeros change nothing.

    Attributes:
        block_colour: Largest offset of each RGB channel of a block, in 0…1.
        table_colour: The same for the table, and for a cabinet.
        arm_tint: Largest relative darkening of the arm's links.
        light_direction: Largest offset of each component of the light's direction.
        light_strength: Largest relative change of the diffuse and ambient light.
        friction: Largest relative change of the blocks' friction, and of a drawer's.
        mass: Largest relative change of the blocks' mass.
        camera_position: Largest offset of the camera along each axis, metres.
        camera_angle: Largest rotation of the camera about each of its axes, radians.
    """

    block_colour: float = 0.25
    table_colour: float = 0.15
    arm_tint: float = 0.25
    light_direction: float = 0.6
    light_strength: float = 0.3
    friction: float = 0.3
    mass: float = 0.4
    camera_position: float = 0.02
    camera_angle: float = float(np.radians(3.0))

    def sample(self, rng: np.random.Generator, equipment: Equipment = PLAIN) -> Scene:
        """Draws one scene; every property is uniform in its range, and those of absent things are not drawn."""

        def offset(scale: float, size: int) -> np.ndarray:
            return rng.uniform(-scale, scale, size)

        def colour(nominal: Rgb, scale: float) -> Rgb:
            red, green, blue = np.clip(np.array(nominal) + offset(scale, 3), 0.0, 1.0)
            return float(red), float(green), float(blue)

        nominal = Scene()
        scene = Scene(
            block_colour=colour(nominal.block_colour, self.block_colour),
            table_colour=colour(nominal.table_colour, self.table_colour),
            arm_brightness=1.0 - float(rng.uniform(0.0, self.arm_tint)),
            light_direction=np.array(nominal.light_direction) + offset(self.light_direction, 3),
            light_diffuse=nominal.light_diffuse * (1.0 + float(offset(self.light_strength, 1)[0])),
            light_ambient=nominal.light_ambient * (1.0 + float(offset(self.light_strength, 1)[0])),
            friction=nominal.friction * (1.0 + float(offset(self.friction, 1)[0])),
            mass=nominal.mass * (1.0 + float(offset(self.mass, 1)[0])),
            camera_offset=offset(self.camera_position, 3),
            camera_rotation=offset(self.camera_angle, 3),
        )
        if equipment.second_block:
            scene = replace(scene, second_colour=colour(nominal.second_colour, self.block_colour))
        if equipment.drawer:
            friction = nominal.drawer_friction_n * (1.0 + float(offset(self.friction, 1)[0]))
            drawer_colour = colour(nominal.drawer_colour, self.table_colour)
            scene = replace(scene, drawer_colour=drawer_colour, drawer_friction_n=friction)
        return scene


@dataclass(frozen=True)
class Scene:
    """One drawn scene; the defaults are the nominal tabletop.

    Attributes:
        friction: Lateral friction coefficient of the blocks.
        mass: Mass of a block, kg.
        drawer_friction_n: Force with which a drawer resists, newtons.
        camera_offset: Translation of the camera in the base frame, metres, (3,).
        camera_rotation: Rotation vector of the camera about its own axes, radians, (3,).
    """

    block_colour: Rgb = (0.85, 0.16, 0.12)
    second_colour: Rgb = (0.12, 0.50, 0.22)
    table_colour: Rgb = (0.74, 0.68, 0.58)
    drawer_colour: Rgb = (0.42, 0.30, 0.22)
    arm_brightness: float = 1.0
    light_direction: np.ndarray = field(default_factory=lambda: np.array([0.8, 0.6, 2.0]))
    light_diffuse: float = 0.45
    light_ambient: float = 0.55
    friction: float = 0.5
    mass: float = 0.15
    drawer_friction_n: float = 1.5
    camera_offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    camera_rotation: np.ndarray = field(default_factory=lambda: np.zeros(3))
