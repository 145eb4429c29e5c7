"""The tags of launch files that start processes: <node> and <executable> with what stands inside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ros_nodes.launch_description import NodeArguments, ProcessDescription, node_command, parameter_value
from ros_nodes.launch_state import CONDITIONS, LaunchState
from ros_nodes.launch_substitutions import as_bool
from ros_nodes.launch_tree import Element

PROCESS = {"output", "cwd", "respawn", "respawn_delay", "on_exit", "launch-prefix", *CONDITIONS}
PARAMETER_TYPES: dict[str, Callable[[str], Any]] = {"str": str, "int": int, "float": float, "bool": as_bool}
Given = tuple[str | None, Any]
"""A parameter's name and value, or None and the path of a parameter file."""


def node_process(element: Element, state: LaunchState) -> ProcessDescription:
    """The process of a <node>; raises LaunchError."""
    element.check_attributes({"pkg", "exec"}, {"name", "namespace", "args", "ros_args", *PROCESS})
    package, executable = state.text(element, "pkg"), state.text(element, "exec")
    command = node_command(executable) if package == "robot_wm" else None
    if command is None:
        advice = "there is no such node" if package == "robot_wm" else "only robot_wm's nodes run without ROS 2"
        raise element.error(f"pkg '{package}' exec '{executable}': {advice}; use ros2 launch for nodes of others")
    environment: dict[str, str] = {}
    remaps: list[tuple[str, str]] = []
    parameters: list[Given] = []
    for child in element.children:
        if child.tag == "param":
            parameters += _parameters(child, state)
        elif child.tag == "remap":
            child.check_attributes({"from", "to"}, set())
            remaps.append((state.text(child, "from"), state.text(child, "to")))
        else:
            environment |= _environment(child, state)
    namespace = state.absolute(state.text(element, "namespace"))
    node = NodeArguments(state.text(element, "name"), namespace, tuple(remaps), tuple(parameters))
    words, ros_words = state.words(element, "args"), state.words(element, "ros_args")
    words += ["--ros-args", *ros_words] if ros_words else []
    return _process(element, state, executable, (*command, *words, *node.words()), environment, node)


def executable_process(element: Element, state: LaunchState) -> ProcessDescription:
    """The process of an <executable>; raises LaunchError."""
    element.check_attributes({"cmd"}, {"name", *PROCESS})
    command = tuple(state.words(element, "cmd"))
    if not command:
        raise element.error("'cmd' is empty")
    environment: dict[str, str] = {}
    for child in element.children:
        environment |= _environment(child, state)
    label = state.text(element, "name") or Path(command[0]).name
    return _process(element, state, label, command, environment, None)


def _parameters(element: Element, state: LaunchState, prefix: str = "") -> list[Given]:
    if "from" in element.attributes:
        element.check_attributes({"from"}, set())
        return [(None, state.text(element, "from"))]
    element.check_attributes(*(({"name"}, set()) if element.children else ({"name", "value"}, {"type"})))
    name = prefix + state.text(element, "name")
    if not element.children:
        return [(name, _value(element, state))]
    return [entry for child in element.children for entry in _parameters(child, state, name + ".")]


def _value(element: Element, state: LaunchState) -> Any:
    text, kind = state.text(element, "value"), element.attributes.get("type")
    if kind is None:
        return parameter_value(text)
    if kind not in PARAMETER_TYPES:
        raise element.error(f"unknown type '{kind}'; known are {', '.join(PARAMETER_TYPES)}")
    try:
        return PARAMETER_TYPES[kind](text)
    except ValueError:
        raise element.error(f"'{text}' is not a {kind}") from None


def _environment(element: Element, state: LaunchState) -> dict[str, str]:
    if element.tag != "env":
        raise element.error("unknown tag here; known are param, remap and env inside <node>, env in <executable>")
    element.check_attributes({"name", "value"}, set())
    return {state.text(element, "name"): state.text(element, "value")}


def _process(
    element: Element,
    state: LaunchState,
    label: str,
    command: tuple[str, ...],
    environment: dict[str, str],
    node: NodeArguments | None,
) -> ProcessDescription:
    on_exit = state.text(element, "on_exit")
    if on_exit not in ("", "shutdown"):
        raise element.error(f"on_exit '{on_exit}' is not understood; it can be 'shutdown'")
    if state.text(element, "output", "screen") not in ("screen", "both", "log", "own_log", "full"):
        raise element.error(f"output '{state.text(element, 'output')}' is not understood; use 'screen'")
    try:
        delay_s = float(state.text(element, "respawn_delay", "0"))
    except ValueError:
        raise element.error("respawn_delay must be a number of seconds") from None
    return ProcessDescription(
        label,
        (*state.words(element, "launch-prefix"), *command),
        state.own_environment() | environment,
        state.text(element, "cwd") or None,
        state.flag(element, "respawn", "false"),
        delay_s,
        on_exit == "shutdown",
        node,
    )
