"""`robot-wm launch`: runs the processes of a launch file where ROS 2 need not be installed."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ros_nodes.launch_service import LaunchService
from ros_nodes.launch_tree import LaunchError
from ros_nodes.launch_xml import load_launch_file


@dataclass(frozen=True)
class LaunchConfig:
    """Starts the nodes of a ROS 2 XML launch file, each as a process of its own.

    Attributes:
        file: The launch file.
        arguments: Values of its arguments, each as name:=value.
        show_args: Only print the arguments of the launch file.
    """

    file: Annotated[Path, tyro.conf.Positional]
    arguments: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    show_args: bool = False


def run(config: LaunchConfig) -> int:
    """Runs a launch file until all its processes have ended, or SIGINT or SIGTERM ends them.

    Returns:
        0 if everything ended as it should; 1 if a process failed or a required one ended.

    Raises:
        LaunchError: the launch file or the arguments are wrong.
    """
    description = load_launch_file(config.file, _assignments(config.arguments))
    if config.show_args:
        for argument in {argument.name: argument for argument in reversed(description.arguments)}.values():
            default = "required" if argument.default is None else f"default: '{argument.default}'"
            print(f"{argument.name}:=  {argument.description} ({default})")
        return 0
    service = LaunchService()
    previous = {number: signal.signal(number, service.on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        service.start(description)
        return service.wait() or 0
    finally:
        service.shutdown()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _assignments(words: tuple[str, ...]) -> dict[str, str]:
    pairs = [word.partition(":=") for word in words]
    wrong = [word for word, (name, separator, _) in zip(words, pairs, strict=True) if not name or not separator]
    if wrong:
        raise LaunchError(f"'{wrong[0]}' must look like name:=value")
    return {name: value for name, _, value in pairs}
