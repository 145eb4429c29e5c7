"""`robot-wm teleop`: runs teleop_node for one device until Ctrl-C."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ros_nodes.node_process import run as run_node
from ros_nodes.teleop_device import TeleopError
from ros_nodes.teleop_node import TeleopNode


@dataclass(frozen=True)
class TeleopConfig:
    """Drives the arm of a running system by hand, through controller_node and safety_node; docs/teleop.md says how.

    Attributes:
        device: "keyboard" is this terminal's; "joy" a gamepad on the topic joy, "twist" a SpaceMouse on spacenav/twist
            and spacenav/joy; "pose" any program that publishes teleop/pose, which the others allow too.
        robot: Robot that is driven: a name or a file.
        namespace: Of the robot's topics.
        linear_speed: Highest speed of the tool, m/s.
        angular_speed: Highest speed of turning, rad/s; 0 keeps the hand's rotation.
        sim_time: Take the time from /clock.
    """

    device: Literal["keyboard", "joy", "twist", "pose"] = "keyboard"
    robot: str = "panda_sim"
    namespace: str = ""
    linear_speed: float = 0.15
    angular_speed: float = 0.5
    sim_time: bool = False


def run(config: TeleopConfig) -> int:
    """Drives until SIGINT or SIGTERM; returns the exit code.

    Raises:
        TeleopError: The keyboard is asked for where there is no terminal.
    """
    if config.device == "keyboard" and not sys.stdin.isatty():
        raise TeleopError("the keyboard needs a terminal, which standard input is not; choose another --device")
    return run_node(TeleopNode, ["teleop", "--ros-args", *_arguments(config)])


def _arguments(config: TeleopConfig) -> Iterator[str]:
    parameters: dict[str, Any] = {
        "autostart": True,
        "use_sim_time": config.sim_time,
        "device": config.device,
        "robot": config.robot,
        "linear_speed": float(config.linear_speed),
        "angular_speed": float(config.angular_speed),
    }
    if config.namespace:
        yield from ("-r", f"__ns:=/{config.namespace.strip('/')}")
    for name, value in parameters.items():
        yield from ("-p", f"{name}:={json.dumps(value)}")
