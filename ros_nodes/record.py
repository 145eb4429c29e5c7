"""`robot-wm record`: runs the recorder until Ctrl-C."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from robot_wm.contract import TABLETOP, Contract
from robot_wm.errors import RobotWmError
from ros_nodes.node_process import run as run_node
from ros_nodes.recorder_node import RecorderNode


@dataclass(frozen=True)
class RecordConfig:
    """Records topics as they come. End it with Ctrl-C.

    Mark episodes with the services episode/start, episode/success, episode/failure and episode/discard, or by texts on
    the topic episode/mark.

    Attributes:
        topics: Topics to record; none for all that are not hidden.
        out: Folder in which the recording gets a directory of its own.
        task: What is done, in words; part of the mark that begins an episode.
        split_mb: MiB after which another file is begun; 0 for never.
        split_s: Seconds after which another file is begun; 0 for never.
        ring_s: Keep only the last seconds in memory, and write them when recorder_node/save is called.
        min_free_mb: MiB of the disk that are left free; recording ends there in good order.
        robot: Check first that the topics of this robot are there, as the contract needs them.
        contract: `contract.yaml` for that check; by default that of the simulated tabletop.
        namespace: Of the robot's topics.
    """

    topics: Positional[tuple[str, ...]] = ()
    out: Path = Path("recordings")
    task: str = ""
    split_mb: int = 1024
    split_s: float = 0.0
    ring_s: float = 0.0
    min_free_mb: int = 256
    robot: str | None = None
    contract: Path | None = None
    namespace: str = ""


def run(config: RecordConfig) -> int:
    """Records until SIGINT or SIGTERM; returns the exit code.

    Raises:
        RobotWmError: Topics that the contract needs are missing, of another type or too slow.
    """
    if config.robot is not None:
        check(config.robot, config.contract, config.namespace)
    return run_node(RecorderNode, ["record", "--ros-args", *_arguments(config)])


def check(robot: str, contract: Path | None, namespace: str) -> None:
    """Listens for less than two seconds; raises RobotWmError that names each topic with what was seen instead."""
    from ros_nodes.observation_stream import ObservationStream
    from ros_nodes.robot_config import RobotConfig
    from ros_nodes.topic_check import listen, wrong_topics

    described = TABLETOP if contract is None else Contract.load(contract)
    stream = ObservationStream(described, RobotConfig.load(robot), namespace)
    needed = {topic: signal for topic, signal in stream.topics.items() if signal.role == "observation"}
    problems = wrong_topics(needed, listen(needed))
    if problems:
        raise RobotWmError("; ".join(problems))


def _arguments(config: RecordConfig) -> Iterator[str]:
    parameters: dict[str, Any] = {
        "autostart": True,
        "folder": str(config.out),
        "topics": list(config.topics) or [""],
        "task": config.task,
        "split_mb": config.split_mb,
        "split_s": float(config.split_s),
        "ring_s": float(config.ring_s),
        "min_free_mb": config.min_free_mb,
    }
    if config.namespace:
        yield from ("-r", f"__ns:=/{config.namespace.strip('/')}")
    for name, value in parameters.items():
        yield from ("-p", f"{name}:={json.dumps(value)}")
