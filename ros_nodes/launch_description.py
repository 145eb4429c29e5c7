"""What a launch file comes to: processes with their commands, environment and fate."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml


@dataclass(frozen=True)
class NodeArguments:
    """What a node is told by `--ros-args`.

    Attributes:
        name: Node name; empty for the one in the program.
        namespace: Absolute namespace; empty for none.
        remaps: (from, to) in order.
        parameters: (name, value), or (None, path of a parameter file), in order; later ones win.
    """

    name: str = ""
    namespace: str = ""
    remaps: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str | None, Any], ...] = ()

    def words(self) -> list[str]:
        """The command line words."""
        words = ["-r", f"__node:={self.name}"] if self.name else []
        words += ["-r", f"__ns:={self.namespace}"] if self.namespace else []
        for source, target in self.remaps:
            words += ["-r", f"{source}:={target}"]
        for name, value in self.parameters:
            words += ["--params-file", str(value)] if name is None else ["-p", f"{name}:={_as_yaml(value)}"]
        return ["--ros-args", *words] if words else []


@dataclass(frozen=True)
class ProcessDescription:
    """One process to start.

    Attributes:
        label: Name in front of its output, without the number.
        command: Program and arguments.
        environment: Variables set in addition to those of the launcher.
        cwd: Working directory; None for the launcher's.
        respawn: Start it again when it ends.
        respawn_delay_s: Seconds before it is started again.
        required: End everything when it ends.
        node: What is told to the node; None for other programs.
    """

    label: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    respawn: bool = False
    respawn_delay_s: float = 0.0
    required: bool = False
    node: NodeArguments | None = None


@dataclass(frozen=True)
class LaunchArgument:
    """An argument that a launch file declares."""

    name: str
    default: str | None
    description: str


@dataclass(frozen=True)
class LaunchDescription:
    """Everything that a launch file and the files it includes say."""

    processes: tuple[ProcessDescription, ...]
    arguments: tuple[LaunchArgument, ...]


def node_command(executable: str) -> tuple[str, ...] | None:
    """How to run one of robot_wm's nodes; None where there is no such node."""
    if not executable.isidentifier() or importlib.util.find_spec(f"ros_nodes.{executable}") is None:
        return None
    return sys.executable, "-m", f"ros_nodes.{executable}"


def parameter_value(text: str) -> Any:
    """A parameter's value as ROS 2 guesses it from text: bool, int, float, a list of them, else the text itself."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if isinstance(value, (bool, int, float, list)) else text


def _as_yaml(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return yaml.safe_dump(value, default_flow_style=True, width=10**9).splitlines()[0]
