"""Reads the XML launch files of ROS 2: the part of the format that robot_wm's own files use.

Anything else is an error with file and line, never skipped in silence.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ros_nodes.launch_description import LaunchArgument, LaunchDescription, ProcessDescription
from ros_nodes.launch_process_tags import executable_process, node_process
from ros_nodes.launch_state import CONDITIONS, LaunchState
from ros_nodes.launch_tree import Element, LaunchError, read_tree


def load_launch_file(
    file: Path, arguments: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
) -> LaunchDescription:
    """Reads a launch file with values for its arguments.

    Args:
        file: The launch file.
        arguments: Values by argument name.
        environment: Environment variables; those of this process by default.

    Raises:
        LaunchError: something in the files is wrong or not understood, or an argument is unknown or missing.
    """
    given = dict(arguments or {})
    inherited = dict(os.environ if environment is None else environment)
    reader = _Reader(LaunchState(inherited, dict(inherited), dict(given)))
    reader.read(file.resolve())
    unknown = sorted(set(given) - {argument.name for argument in reader.declared})
    if unknown:
        known = ", ".join(dict.fromkeys(argument.name for argument in reader.declared)) or "none"
        raise LaunchError(f"{file}: there is no argument '{unknown[0]}'; its arguments are: {known}")
    return LaunchDescription(tuple(reader.processes), tuple(reader.declared))


class _Reader:
    """Walks through a launch file and the files that it includes."""

    def __init__(self, state: LaunchState) -> None:
        self.processes: list[ProcessDescription] = []
        self.declared: list[LaunchArgument] = []
        self._state = state
        self._including: list[Path] = []

    def read(self, file: Path) -> None:
        if file in self._including:
            raise LaunchError(f"{file}: includes itself")
        root = read_tree(file)
        root.check_attributes(set(), {"version"})
        self._including.append(file)
        self._walk(root)
        self._including.pop()

    def _walk(self, parent: Element) -> None:
        for element in parent.children:
            method = _ACTIONS.get(element.tag)
            if method is None:
                raise element.error(f"unknown tag; known are {', '.join(sorted(_ACTIONS))}")
            if self._state.holds(element):
                method(self, element)

    def _argument(self, element: Element) -> None:
        element.check_attributes({"name"}, {"default", "description", *CONDITIONS})
        name, variables = self._state.text(element, "name"), self._state.variables
        default = self._state.text(element, "default") if "default" in element.attributes else None
        self.declared.append(LaunchArgument(name, default, element.attributes.get("description", "")))
        choices = [self._choice(child) for child in element.children]
        if name not in variables:
            if default is None:
                raise element.error(f"the argument '{name}' needs a value; add {name}:=VALUE to the command line")
            variables[name] = default
        if choices and variables[name] not in choices:
            raise element.error(f"'{name}' is '{variables[name]}'; it must be one of {', '.join(choices)}")

    def _choice(self, element: Element) -> str:
        if element.tag != "choice":
            raise element.error("unknown tag inside <arg>; known is choice")
        element.check_attributes({"value"}, set())
        return self._state.text(element, "value")

    def _let(self, element: Element) -> None:
        element.check_attributes({"name", "value"}, CONDITIONS)
        self._state.variables[self._state.text(element, "name")] = self._state.text(element, "value")

    def _group(self, element: Element) -> None:
        element.check_attributes(set(), {"scoped", *CONDITIONS})
        kept = self._state.copy()
        self._walk(element)
        if self._state.flag(element, "scoped", "true"):
            self._state = kept

    def _include(self, element: Element) -> None:
        """As in ROS 2, what an included file is told and sets holds after it too; a group around it keeps it in."""
        element.check_attributes({"file"}, CONDITIONS)
        file = Path(self._state.text(element, "file"))
        if not file.is_file():
            raise element.error(f"the file {file} does not exist")
        values = {}
        for child in element.children:
            if child.tag not in ("arg", "let"):
                raise child.error("unknown tag inside <include>; known are arg and let")
            child.check_attributes({"name", "value"}, set())
            values[self._state.text(child, "name")] = self._state.text(child, "value")
        self._state.variables |= values
        self.read(file.resolve())

    def _push_namespace(self, element: Element) -> None:
        element.check_attributes({"namespace"}, CONDITIONS)
        self._state.namespace = self._state.absolute(self._state.text(element, "namespace"))

    def _set_environment(self, element: Element) -> None:
        element.check_attributes({"name", "value"}, CONDITIONS)
        self._state.environment[self._state.text(element, "name")] = self._state.text(element, "value")

    def _node(self, element: Element) -> None:
        self.processes.append(node_process(element, self._state))

    def _executable(self, element: Element) -> None:
        self.processes.append(executable_process(element, self._state))


_ACTIONS = {
    "arg": _Reader._argument,
    "let": _Reader._let,
    "group": _Reader._group,
    "include": _Reader._include,
    "node": _Reader._node,
    "executable": _Reader._executable,
    "push-ros-namespace": _Reader._push_namespace,
    "push_ros_namespace": _Reader._push_namespace,
    "set_env": _Reader._set_environment,
}
