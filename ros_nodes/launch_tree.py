"""XML with line numbers, so that errors in a launch file can point at their place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from robot_wm.errors import RobotWmError


class LaunchError(RobotWmError):
    """A launch file is wrong, or uses something that only `ros2 launch` understands."""


@dataclass
class Element:
    """One XML element and where it stands."""

    tag: str
    attributes: dict[str, str]
    file: Path
    line: int
    children: list[Element] = field(default_factory=list)

    def error(self, message: str) -> LaunchError:
        """An error that points at this element."""
        return LaunchError(f"{self.file}:{self.line}: <{self.tag}>: {message}")

    def check_attributes(self, required: set[str], optional: set[str]) -> None:
        """Raises LaunchError for an attribute that is unknown or missing."""
        unknown = sorted(set(self.attributes) - required - optional)
        if unknown:
            raise self.error(f"unknown attribute '{unknown[0]}'; known are {', '.join(sorted(required | optional))}")
        missing = sorted(required - set(self.attributes))
        if missing:
            raise self.error(f"the attribute '{missing[0]}' is missing")


def read_tree(file: Path) -> Element:
    """Reads a launch file.

    Raises:
        LaunchError: the file is missing, not XML, or does not hold one <launch>.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise LaunchError(f"{file}: cannot be read ({error.strerror}); give the path of a launch file") from error
    root = _parse(file, content)
    if root.tag != "launch":
        raise root.error("the outermost element must be <launch>")
    return root


def _parse(file: Path, content: bytes) -> Element:
    parser = expat.ParserCreate()
    stack: list[Element] = []
    roots: list[Element] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, file, parser.CurrentLineNumber)
        (stack[-1].children if stack else roots).append(element)
        stack.append(element)

    def text(data: str) -> None:
        if data.strip():
            raise LaunchError(
                f"{file}:{parser.CurrentLineNumber}: unexpected text '{data.strip()}' in <{stack[-1].tag}>"
            )

    def refuse_doctype(*_: object) -> None:
        raise LaunchError(f"{file}:{parser.CurrentLineNumber}: a document type is not allowed in a launch file")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda tag: stack.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse_doctype
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise LaunchError(f"{file}:{error.lineno}: not XML: {expat.ErrorString(error.code)}") from error
    return roots[0]
