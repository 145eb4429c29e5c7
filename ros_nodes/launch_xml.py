"""Reads the XML launch files of ROS 2: the part of the format that robot_wm's own files use.

Anything else is an error with file and line, never skipped in silence.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ros_nodes.launch_description import (
    LaunchArgument,
    LaunchDescription,
    NodeArguments,
    ProcessDescription,
    node_command,
    parameter_value,
)
from ros_nodes.launch_substitutions import Scope, SubstitutionError, as_bool, expand
from ros_nodes.launch_tree import Element, LaunchError, read_tree

CONDITIONS = {"if", "unless"}
PROCESS = {"output", "cwd", "respawn", "respawn_delay", "on_exit", "launch-prefix", *CONDITIONS}
PARAMETER_TYPES: dict[str, Callable[[str], Any]] = {"str": str, "int": int, "float": float, "bool": as_bool}


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
    reader = _Reader(dict(os.environ if environment is None else environment), given)
    reader.read(file.resolve())
    unknown = sorted(set(given) - {argument.name for argument in reader.declared})
    if unknown:
        known = ", ".join(dict.fromkeys(argument.name for argument in reader.declared)) or "none"
        raise LaunchError(f"{file}: there is no argument '{unknown[0]}'; its arguments are: {known}")
    return LaunchDescription(tuple(reader.processes), tuple(reader.declared))


class _Reader:
    """Walks through a launch file with the variables, environment and namespace that hold at each place."""

    def __init__(self, environment: dict[str, str], variables: dict[str, str]) -> None:
        self.processes: list[ProcessDescription] = []
        self.declared: list[LaunchArgument] = []
        self._base_environment = dict(environment)
        self._environment = environment
        self._variables = dict(variables)
        self._namespace = ""
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
            if self._holds(element):
                method(self, element)

    def _text(self, element: Element, attribute: str, default: str = "") -> str:
        return self._expand(element, element.attributes.get(attribute, default))

    def _expand(self, element: Element, text: str) -> str:
        try:
            return expand(text, Scope(element.file, self._variables, self._environment))
        except SubstitutionError as error:
            raise element.error(str(error)) from None

    def _flag(self, element: Element, attribute: str, default: str) -> bool:
        try:
            return as_bool(self._text(element, attribute, default))
        except SubstitutionError as error:
            raise element.error(f"{attribute}: {error}") from None

    def _holds(self, element: Element) -> bool:
        if "if" in element.attributes and "unless" in element.attributes:
            raise element.error("has both 'if' and 'unless'; keep one")
        return self._flag(element, "if", "true") and not self._flag(element, "unless", "false")

    def _argument(self, element: Element) -> None:
        element.check_attributes({"name"}, {"default", "description", *CONDITIONS})
        name = self._text(element, "name")
        default = self._text(element, "default") if "default" in element.attributes else None
        self.declared.append(LaunchArgument(name, default, element.attributes.get("description", "")))
        choices = [self._choice(child) for child in element.children]
        if name not in self._variables:
            if default is None:
                raise element.error(f"the argument '{name}' needs a value; add {name}:=VALUE to the command line")
            self._variables[name] = default
        if choices and self._variables[name] not in choices:
            raise element.error(f"'{name}' is '{self._variables[name]}'; it must be one of {', '.join(choices)}")

    def _choice(self, element: Element) -> str:
        if element.tag != "choice":
            raise element.error("unknown tag inside <arg>; known is choice")
        element.check_attributes({"value"}, set())
        return self._text(element, "value")

    def _let(self, element: Element) -> None:
        element.check_attributes({"name", "value"}, CONDITIONS)
        self._variables[self._text(element, "name")] = self._text(element, "value")

    def _group(self, element: Element) -> None:
        element.check_attributes(set(), {"scoped", *CONDITIONS})
        kept = dict(self._variables), dict(self._environment), self._namespace
        self._walk(element)
        if self._flag(element, "scoped", "true"):
            self._variables, self._environment, self._namespace = kept

    def _include(self, element: Element) -> None:
        element.check_attributes({"file"}, CONDITIONS)
        file = Path(self._text(element, "file"))
        if not file.is_file():
            raise element.error(f"the file {file} does not exist")
        kept, values = dict(self._variables), {}
        for child in element.children:
            if child.tag not in ("arg", "let"):
                raise child.error("unknown tag inside <include>; known are arg and let")
            child.check_attributes({"name", "value"}, CONDITIONS)
            if self._holds(child):
                values[self._text(child, "name")] = self._text(child, "value")
        self._variables = kept | values
        self.read(file.resolve())
        self._variables = kept

    def _push_namespace(self, element: Element) -> None:
        element.check_attributes({"namespace"}, CONDITIONS)
        self._namespace = self._absolute(self._text(element, "namespace"))

    def _absolute(self, namespace: str) -> str:
        if not namespace:
            return self._namespace
        if namespace.startswith("/"):
            return namespace.rstrip("/")
        return f"{self._namespace}/{namespace.rstrip('/')}"

    def _set_environment(self, element: Element) -> None:
        element.check_attributes({"name", "value"}, CONDITIONS)
        self._environment[self._text(element, "name")] = self._text(element, "value")

    def _node(self, element: Element) -> None:
        element.check_attributes({"pkg", "exec"}, {"name", "namespace", "args", "ros_args", *PROCESS})
        package, executable = self._text(element, "pkg"), self._text(element, "exec")
        command = node_command(executable) if package == "robot_wm" else None
        if command is None:
            advice = "there is no such node" if package == "robot_wm" else "only robot_wm's nodes run without ROS 2"
            raise element.error(f"pkg '{package}' exec '{executable}': {advice}; use ros2 launch for nodes of others")
        environment: dict[str, str] = {}
        remaps: list[tuple[str, str]] = []
        parameters: list[tuple[str | None, Any]] = []
        for child in element.children:
            if child.tag == "param":
                parameters += self._parameters(child)
            elif child.tag == "remap":
                child.check_attributes({"from", "to"}, CONDITIONS)
                remaps += [(self._text(child, "from"), self._text(child, "to"))] if self._holds(child) else []
            else:
                environment |= self._environment_child(child)
        node = NodeArguments(
            self._text(element, "name"),
            self._absolute(self._text(element, "namespace")),
            tuple(remaps),
            tuple(parameters),
        )
        words = self._split(element, "args")
        ros_words = self._split(element, "ros_args")
        words += ["--ros-args", *ros_words] if ros_words else []
        self._process(element, executable, (*command, *words, *node.words()), environment, node)

    def _split(self, element: Element, attribute: str) -> list[str]:
        try:
            return shlex.split(self._text(element, attribute))
        except ValueError as error:
            raise element.error(f"{attribute}: {error}") from None

    def _parameters(self, element: Element, prefix: str = "") -> list[tuple[str | None, Any]]:
        if "from" in element.attributes:
            element.check_attributes({"from"}, CONDITIONS)
            return [(None, self._text(element, "from"))] if self._holds(element) else []
        element.check_attributes({"name"} if element.children else {"name", "value"}, {"type", *CONDITIONS})
        if not self._holds(element):
            return []
        name = prefix + self._text(element, "name")
        if not element.children:
            return [(name, self._value(element))]
        return [entry for child in element.children for entry in self._parameters(child, name + ".")]

    def _value(self, element: Element) -> Any:
        text, kind = self._text(element, "value"), element.attributes.get("type")
        if kind is None:
            return parameter_value(text)
        if kind not in PARAMETER_TYPES:
            raise element.error(f"unknown type '{kind}'; known are {', '.join(PARAMETER_TYPES)}")
        try:
            return PARAMETER_TYPES[kind](text)
        except ValueError:
            raise element.error(f"'{text}' is not a {kind}") from None

    def _environment_child(self, element: Element) -> dict[str, str]:
        if element.tag != "env":
            raise element.error("unknown tag here; known are param, remap and env inside <node>, env in <executable>")
        element.check_attributes({"name", "value"}, CONDITIONS)
        return {self._text(element, "name"): self._text(element, "value")} if self._holds(element) else {}

    def _executable(self, element: Element) -> None:
        element.check_attributes({"cmd"}, {"name", *PROCESS})
        command = tuple(self._split(element, "cmd"))
        if not command:
            raise element.error("'cmd' is empty")
        environment: dict[str, str] = {}
        for child in element.children:
            environment |= self._environment_child(child)
        label = self._text(element, "name") or Path(command[0]).name
        self._process(element, label, command, environment, None)

    def _process(
        self,
        element: Element,
        label: str,
        command: tuple[str, ...],
        environment: dict[str, str],
        node: NodeArguments | None,
    ) -> None:
        on_exit = self._text(element, "on_exit")
        if on_exit not in ("", "shutdown"):
            raise element.error(f"on_exit '{on_exit}' is not understood; it can be 'shutdown'")
        if self._text(element, "output", "screen") not in ("screen", "both", "log", "own_log", "full"):
            raise element.error(f"output '{self._text(element, 'output')}' is not understood; use 'screen'")
        try:
            delay_s = float(self._text(element, "respawn_delay", "0"))
        except ValueError:
            raise element.error("respawn_delay must be a number of seconds") from None
        changed = {k: v for k, v in self._environment.items() if self._base_environment.get(k) != v}
        self.processes.append(
            ProcessDescription(
                label,
                (*self._split(element, "launch-prefix"), *command),
                changed | environment,
                self._text(element, "cwd") or None,
                self._flag(element, "respawn", "false"),
                delay_s,
                on_exit == "shutdown",
                node,
            )
        )


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
