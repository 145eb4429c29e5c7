"""A stage on the simulated tabletop: things slide, fall, hit walls and are covered by a curtain, and are filmed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.bullet import pybullet
from sim.randomization import Randomization, Rgb
from sim.tasks import camera_image
from sim.world import PHYSICS_HZ, World

FRAMES = 20
"""Frames of a clip."""
FRAME_HZ = 30
CENTRE_M = np.array([0.46, 0.0, 0.0])
"""Middle of the stage in the base frame; the camera looks there."""
YAW = float(np.arctan2(0.22, 0.56))
"""Turns the base frame's x axis towards the camera."""
PARKED = np.array([0.30, 0.0, 0.42])
"""Where the tool is while things happen on the stage."""
CURTAIN_HALF_M = (0.005, 0.22, 0.16)
CURTAIN_DEPTH_M = -0.11
CURTAIN_LIFT_M = 0.52
LOOKS = Randomization(camera_position=0.0, camera_angle=0.0)

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Prop:
    """A thing on the stage.

    Attributes:
        half: Half extents across, in depth and in height, metres; a sphere takes the first as radius, a cylinder the
            first and the last.
        position: Centre as (lateral, depth, height), metres: lateral grows to the right of the picture, depth away
            from the camera.
        velocity: At the first frame, in the same axes, metres a second.
        mass: Kilograms; 0 never moves.
        bounce: Restitution; that of two things is multiplied.
        visible: Whether the camera sees it.
        solid: Whether others bump into it.
    """

    shape: Literal["box", "sphere", "cylinder"]
    half: Vector
    colour: Rgb
    position: Vector
    velocity: Vector = (0.0, 0.0, 0.0)
    mass: float = 0.0
    bounce: float = 0.7
    visible: bool = True
    solid: bool = True


@dataclass(frozen=True)
class Curtain:
    """An opaque plate that comes down before the middle of the stage, stays, and goes up again.

    Attributes:
        falls: Frame in which it begins to come down; it is down two frames later.
        stays: Frames that it is down.
    """

    falls: int
    stays: int = 4
    colour: Rgb = (0.45, 0.45, 0.5)

    def height(self, frame: int) -> float:
        """How far it is lifted at a frame, as a share of the whole way."""
        down, up = self.falls + 2, self.falls + 1 + self.stays
        return float(np.clip(max((down - frame) / 3, (frame - up) / 3), 0.0, 1.0))


@dataclass(frozen=True)
class Act:
    """What happens in one clip; `look` seeds the colours and the light of the scene."""

    props: tuple[Prop, ...]
    look: int
    curtain: Curtain | None = None


class Theatre(World):
    """The simulated tabletop as a stage."""

    def __init__(self) -> None:
        super().__init__(LOOKS)
        self._props: list[int] = []

    def film(self, act: Act) -> np.ndarray:
        """The pictures of an act, uint8 (FRAMES, 96, 96, 3); the same act gives the same bits."""
        self._clear()
        self.reset(np.random.default_rng(act.look))
        self.place_robot(PARKED)
        for prop in act.props:
            self._add(prop)
        curtain = self._add_curtain(act.curtain) if act.curtain else None
        pictures = []
        for frame in range(FRAMES):
            if act.curtain is not None and curtain is not None:
                lift = CURTAIN_HALF_M[2] + CURTAIN_LIFT_M * act.curtain.height(frame)
                self._bullet.resetBasePositionAndOrientation(curtain, _place((0.0, CURTAIN_DEPTH_M, lift)), _turn())
            pictures.append(camera_image(self))
            for _ in range(PHYSICS_HZ // FRAME_HZ):
                self._bullet.stepSimulation()
        return np.stack(pictures)

    def _clear(self) -> None:
        for body in self._props:
            self._bullet.removeBody(body)
        self._props = []

    def _add(self, prop: Prop) -> int:
        bullet = self._bullet
        kind, sizes = _geometry(prop)
        named = {"height": "length"}  # PyBullet's visual cylinders have another word for it
        seen = {named.get(name, name): value for name, value in sizes.items()}
        # A body without a visual shape is drawn as its collision shape, so that one out of sight stands in.
        away = [0.0, 0.0, 0.0 if prop.visible else -10.0]
        visual = bullet.createVisualShape(kind, rgbaColor=(*prop.colour, 1.0), visualFramePosition=away, **seen)
        shape = bullet.createCollisionShape(kind, **sizes) if prop.solid else -1
        body = bullet.createMultiBody(prop.mass, shape, visual, _place(prop.position), _turn())
        self._props.append(body)
        bullet.changeDynamics(
            body, -1, lateralFriction=0.0, restitution=prop.bounce, linearDamping=0.0, angularDamping=0.0
        )
        if prop.mass:
            bullet.resetBaseVelocity(body, _place(prop.velocity) - CENTRE_M, [0.0] * 3)
        return body

    def _add_curtain(self, curtain: Curtain) -> int:
        depth, across, height = CURTAIN_HALF_M
        plate = Prop("box", (across, depth, height), curtain.colour, (0.0, CURTAIN_DEPTH_M, 1.0), solid=False)
        return self._add(plate)


def _place(position: Vector) -> np.ndarray:
    """Stage coordinates to the base frame (3,)."""
    lateral, depth, height = position
    cosine, sine = np.cos(YAW), np.sin(YAW)
    return CENTRE_M + [-sine * lateral - cosine * depth, cosine * lateral - sine * depth, height]


def _turn() -> tuple[float, ...]:
    return pybullet.getQuaternionFromEuler([0.0, 0.0, YAW + np.pi / 2])


def _geometry(prop: Prop) -> tuple[int, dict[str, object]]:
    if prop.shape == "sphere":
        return pybullet.GEOM_SPHERE, {"radius": prop.half[0]}
    if prop.shape == "cylinder":
        return pybullet.GEOM_CYLINDER, {"radius": prop.half[0], "height": 2 * prop.half[2]}
    return pybullet.GEOM_BOX, {"halfExtents": prop.half}
