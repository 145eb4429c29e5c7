"""`robot-wm console`: the page in the browser, beside a running system or with a simulated one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ros_nodes.console_node import ConsoleNode
from ros_nodes.demo import launch_file
from ros_nodes.launcher import LaunchConfig
from ros_nodes.launcher import run as launch
from ros_nodes.node_process import run as run_node


@dataclass(frozen=True)
class ConsoleConfig:
    """Serves the console on 127.0.0.1 until Ctrl-C, and prints its address, which holds a token.

    Attributes:
        launch: Also start the simulated system: robot, planner, teleoperation and recorder.
        port: TCP port, or the next free one; 0 for any.
        robot: Robot configuration: a name or a path.
        bundle: Directory of the model bundle; by default the one that ships.
        goals: Folder of saved goal pictures.
        dataset: Dataset whose clips are judged in pairs.
        preferences: File that judgements are added to.
        namespace: Of the robot's topics.
    """

    launch: bool = False
    port: int = 8420
    robot: str = "panda_sim"
    bundle: Path | None = None
    goals: Path = Path("goals")
    dataset: Path = Path("datasets/play")
    preferences: Path = Path("preferences.jsonl")
    namespace: str = ""


def run(config: ConsoleConfig) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit code."""
    bundle = "" if config.bundle is None else str(config.bundle.resolve())
    told = {
        "port": config.port,
        "robot": config.robot,
        "bundle": bundle,
        "goals": config.goals,
        "dataset": config.dataset,
        "preferences": config.preferences,
    }
    if config.launch:
        arguments = told | {"namespace": config.namespace}
        words = tuple(f"{name}:={value}" for name, value in arguments.items())
        return launch(LaunchConfig(launch_file("console.launch.xml"), words))
    words = tuple(word for name, value in told.items() for word in ("-p", f"{name}:={_text(value)}"))
    space = ("-r", f"__ns:=/{config.namespace.strip('/')}") if config.namespace else ()
    return run_node(ConsoleNode, ["console", "--ros-args", *space, "-p", "autostart:=true", *words], threads=6)


def _text(value: object) -> str:
    """Numbers as they are; texts in quotes, so that YAML takes an empty one, or one of digits, for a text."""
    return str(value) if isinstance(value, int) else f"'{value}'"
