"""`robot-wm launch` with the lifecycle manager: a whole robot in its namespace, and a node that dies and comes back."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pinocchio")

ROOT = Path(__file__).parents[2]
NODES = ("safety_node", "perception_node", "planner_node", "controller_node")


@pytest.fixture
def launched(domain: int, tmp_path: Path, bundle: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """bringup.launch.xml under /left with respawn, and its log."""
    log = tmp_path / "launch.log"
    command = [sys.executable, "-m", "robot_wm.cli", "launch", "launch/bringup.launch.xml"]
    command += ["namespace:=left", "use_respawn:=true", f"bundle:={bundle}"]
    environment = os.environ | {"ROS_DOMAIN_ID": str(domain), "OMP_NUM_THREADS": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
    yield process, log
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(30.0)


def pid_of(node: str, log: Path) -> int:
    """Of its newest process."""
    return int(re.findall(rf"\[{node}-\d+\]: process started with pid \[(\d+)\]", log.read_text())[-1])


def test_a_node_that_dies_comes_back_and_waits_for_a_reset(launched: Any, peer: Any) -> None:
    process, log = launched
    names = [f"left/{node}" for node in NODES]
    peer.until_active(*names, timeout_s=90.0, what=log.read_text)
    peer.until_health("left/lifecycle_manager", "all nodes are active", what=log.read_text)
    first = pid_of("planner_node", log)
    os.kill(first, signal.SIGKILL)
    peer.health.clear()
    peer.until(lambda: pid_of("planner_node", log) != first)
    peer.until_active("left/planner_node", timeout_s=60.0, what=log.read_text)
    assert "planner_node is there again; it is brought up in 0 s" in log.read_text()
    peer.until(lambda: "call safety/reset first" in peer.trigger("left/planner/start").message)
    assert "planner_node" in peer.trigger("left/safety/reset").message
    peer.until(lambda: peer.trigger("left/planner/start").success)
    process.send_signal(signal.SIGINT)
    assert process.wait(30.0) == 0
    assert "Traceback" not in log.read_text() and "did not end" not in log.read_text()
