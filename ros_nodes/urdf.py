"""The joints and links of a URDF as they are written, for checks that a dynamics library does not make."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from ros_nodes.robot_fields import RobotConfigError


@dataclass(frozen=True)
class Joint:
    """One joint; limits are NaN where the URDF has none."""

    kind: str
    parent: str
    child: str
    lower: float
    upper: float
    velocity: float
    is_identity: bool
    """Whether the child's frame lies in the parent's."""


@dataclass(frozen=True)
class Urdf:
    """Links and joints by name."""

    links: frozenset[str]
    joints: dict[str, Joint]

    @classmethod
    def parse(cls, text: str, source: str) -> Urdf:
        """Reads a URDF's text; RobotConfigError when it is none."""
        try:
            robot = ElementTree.fromstring(text)
            joints = {entry.attrib["name"]: _joint(entry) for entry in robot.findall("joint")}
            links = frozenset(entry.attrib["name"] for entry in robot.findall("link"))
        except (ElementTree.ParseError, KeyError, ValueError, AttributeError) as error:
            raise RobotConfigError(f"{source}: not a URDF: {error!r}") from error
        return cls(links, joints)

    def chain(self, link: str) -> list[str]:
        """Names of the joints from the root to a link."""
        above = {joint.child: name for name, joint in self.joints.items()}
        names: list[str] = []
        while link in above and above[link] not in names:
            names.append(above[link])
            link = self.joints[above[link]].parent
        return names[::-1]

    def lies_in_root(self, link: str) -> bool:
        """Whether a link's frame is that of the root."""
        return all(self.joints[name].kind == "fixed" and self.joints[name].is_identity for name in self.chain(link))


def _joint(entry: ElementTree.Element) -> Joint:
    limit, origin = entry.find("limit"), entry.find("origin")
    values = {} if limit is None else limit.attrib
    numbers = " ".join(() if origin is None else (origin.get("xyz", ""), origin.get("rpy", ""))).split()
    return Joint(
        kind=entry.attrib["type"],
        parent=entry.find("parent").attrib["link"],  # type: ignore[union-attr]  # AttributeError is caught above
        child=entry.find("child").attrib["link"],  # type: ignore[union-attr]
        lower=float(values.get("lower", math.nan)),
        upper=float(values.get("upper", math.nan)),
        velocity=float(values.get("velocity", math.nan)),
        is_identity=all(abs(float(number)) < 1e-9 for number in numbers),
    )
