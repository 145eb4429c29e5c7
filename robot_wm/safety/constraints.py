"""What a joint configuration must keep to: joint ranges, the tool's workspace, clearance from boxes and from itself.

Each constraint measures by how much a configuration breaks it. Nothing here moves anything: `Guard` asks before it lets
a motion pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from robot_wm.errors import RobotWmError
from robot_wm.kinematics import Arm
from robot_wm.safety.limits import box_excess


class ConstraintError(RobotWmError):
    """A constraint that cannot be made from a robot's description."""


class Constraint(Protocol):
    """One thing that configurations must keep to.

    Attributes:
        name: What it protects, for the reasons.
    """

    @property
    def name(self) -> str: ...

    def excess(self, q: np.ndarray) -> float:
        """By how much configuration `q` (n,) breaks it, metres or radians; 0 where it keeps to it."""


@dataclass(frozen=True)
class JointRanges:
    """Joint positions between `low` and `high`, (n,) each."""

    low: np.ndarray
    high: np.ndarray
    name: str = "joint limits"

    def excess(self, q: np.ndarray) -> float:
        """The largest excess of a joint, radians or metres."""
        return float(box_excess(q, self.low, self.high))


@dataclass(frozen=True)
class Workspace:
    """The tool's position in the base frame between `low` and `high`, (3,) each, metres."""

    forward: Callable[[np.ndarray], np.ndarray]
    low: np.ndarray
    high: np.ndarray
    name: str = "workspace"

    def excess(self, q: np.ndarray) -> float:
        """How far the tool is outside, metres along the worst axis."""
        return float(box_excess(self.forward(q)[:3], self.low, self.high))


@dataclass(frozen=True)
class Box:
    """A box in the base frame that no moving part of the robot enters; `low` and `high` are (3,), metres."""

    name: str
    low: tuple[float, ...]
    high: tuple[float, ...]


class Clearance:
    """Distance of the robot's moving links from boxes, and from one another, by coal's geometry.

    Pairs of links that a joint connects are left out, and so are pairs that touch in `posture`: shapes that are drawn
    larger than the links would refuse every motion.

    Args:
        urdf: Text of the URDF.
        arm: The arm's kinematics, whose joints move; all others are locked at zero.
        boxes: Keep-out boxes, such as the table.
        posture: A configuration (n,) known to be free.
        shapes: Which shapes of the URDF: `collision`, or `visual` where those are what is complete.
        margin_m: Least distance.
        folders: Where meshes of `package://` are looked for.

    Raises:
        ConstraintError: The URDF has no such shapes, or a mesh is missing.
    """

    def __init__(
        self,
        urdf: str,
        arm: Arm,
        boxes: Sequence[Box],
        posture: np.ndarray,
        *,
        shapes: Literal["collision", "visual"] = "collision",
        margin_m: float = 0.002,
        folders: Sequence[Path] = (),
    ) -> None:
        import pinocchio as pin

        self.name, self._pin, self._margin_m = "clearance", pin, margin_m
        kind = pin.GeometryType.COLLISION if shapes == "collision" else pin.GeometryType.VISUAL
        full = pin.buildModelFromXML(urdf)
        try:
            geometry = pin.buildGeomFromUrdfString(full, urdf, kind, package_dirs=[str(folder) for folder in folders])
        except (RuntimeError, ValueError) as error:
            raise ConstraintError(
                f"self-collision and keep-out: {error}; give safety.clearance.shapes: none in the robot's file to do "
                "without, or install the package with the meshes"
            ) from error
        if geometry.ngeoms == 0:
            raise ConstraintError(f"self-collision and keep-out: the URDF has no {shapes} shapes")
        locked = [full.getJointId(name) for name in full.names[1:] if name not in arm.joints.names]
        self._model, self._geometry = pin.buildReducedModel(full, geometry, locked, pin.neutral(full))
        self._index = [self._model.joints[self._model.getJointId(name)].idx_q for name in arm.joints.names]
        self._add_boxes(boxes)
        self._pair_up(np.asarray(posture, dtype=float))

    def _add_boxes(self, boxes: Sequence[Box]) -> None:
        import coal

        self._links, pin = self._geometry.ngeoms, self._pin
        for box in boxes:
            low, high = np.array(box.low), np.array(box.high)
            pose = pin.SE3(np.eye(3), (low + high) / 2)
            self._geometry.addGeometryObject(pin.GeometryObject(box.name, 0, pose, coal.Box(*(high - low))))

    def _pair_up(self, posture: np.ndarray) -> None:
        pin, shapes = self._pin, self._geometry.geometryObjects
        pairs = [
            pin.CollisionPair(first, second)
            for second in range(len(shapes))
            for first in range(min(second, self._links))
            if self._may_meet(shapes[first].parentJoint, shapes[second].parentJoint, second >= self._links)
        ]
        self._set_pairs(pairs)
        q = self._to_model(posture)
        pin.computeDistances(self._model, self._data, self._geometry, self._found, q)
        is_link = [pair.second < self._links for pair in pairs]
        distances = [result.min_distance for result in self._found.distanceResults]
        self._set_pairs([p for p, link, d in zip(pairs, is_link, distances, strict=True) if not link or d > 0.0])

    def _may_meet(self, first: int, second: int, is_box: bool) -> bool:
        """Whether a pair is watched; the base stands on the table, and neighbours touch where their joint is."""
        if is_box:
            return first != 0 and self._model.parents[first] != 0
        return first != second and first != self._model.parents[second] and second != self._model.parents[first]

    def _set_pairs(self, pairs: list) -> None:
        self._geometry.removeAllCollisionPairs()
        for pair in pairs:
            self._geometry.addCollisionPair(pair)
        self._data, self._found = self._model.createData(), self._pin.GeometryData(self._geometry)
        for request in self._found.collisionRequests:
            request.security_margin = self._margin_m

    def excess(self, q: np.ndarray) -> float:
        """How much closer than the margin the closest pair is, metres."""
        ordered = self._to_model(q)
        if not self._pin.computeCollisions(self._model, self._data, self._geometry, self._found, ordered, True):
            return 0.0
        return max(0.0, self._margin_m - self._closest(ordered)[0])

    def closest(self, q: np.ndarray) -> tuple[float, str]:
        """The smallest distance in metres (negative inside one another), and between what."""
        return self._closest(self._to_model(q))

    def _closest(self, ordered: np.ndarray) -> tuple[float, str]:
        pin = self._pin
        pin.computeDistances(self._model, self._data, self._geometry, self._found, ordered)
        distances = [result.min_distance for result in self._found.distanceResults]
        index = int(np.argmin(distances))
        pair, shapes = self._geometry.collisionPairs[index], self._geometry.geometryObjects
        return float(distances[index]), f"{shapes[pair.first].name} and {shapes[pair.second].name}"

    def _to_model(self, q: np.ndarray) -> np.ndarray:
        ordered = np.empty(self._model.nq)
        ordered[self._index] = q
        return ordered
