"""The processes of the simulated system, each of which can be killed, frozen and started anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

NODES = ("sim_node", "safety_node", "perception_node", "planner_node", "controller_node")
TAPPED = {"joint_states": "tapped/joint_states", "camera/image_raw": "tapped/image_raw", "/clock": "/tapped/clock"}
"""What the nodes hear through the tap instead of from the simulator."""
TAPPED_BETWEEN = {
    "planner_node": {"perception/latents": "tapped/latents"},
    "controller_node": {"planner/plan": "tapped/plan"},
}
"""What one of them hears through the tap instead of from another."""


class System:
    """Starts the nodes as processes on a DDS domain of their own, with the tap in between.

    The planner does not nod first: it is started anew wherever the arm is, out of the camera's sight too.

    Args:
        folder: Where their logs go.
        domain: ROS_DOMAIN_ID.
        mode: How the planner chooses actions; `random` never comes to rest by itself.
        asks: Whether the planner holds and asks when it is stuck or unsure.
        sim_time: Run on simulated time.
    """

    def __init__(
        self, folder: Path, domain: int, *, mode: str = "random", asks: bool = False, sim_time: bool = False
    ) -> None:
        self._folder, self._mode, self._asks, self._sim_time = folder, mode, asks, sim_time
        self._environment = os.environ | {"ROS_DOMAIN_ID": str(domain), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
        self._running = dict[str, subprocess.Popen[bytes]]()

    def start(self, node: str, **parameters: Any) -> None:
        """Starts one node, which brings itself up."""
        command = [sys.executable, "-m", f"ros_nodes.{node}", "--ros-args"]
        told: dict[str, Any] = {"autostart": True, "diagnostics_rate": 5.0}
        if node == "planner_node":
            told |= {"mode": self._mode, "ask_operator": self._asks, "check_view": False}
        if node == "safety_node":
            told["watched"] = "[perception_node, planner_node, controller_node]"
        if node == "sim_node":
            told["publish_clock"] = self._sim_time
        elif node != "recorder_node":
            told["use_sim_time"] = self._sim_time
            for source, tapped in (TAPPED | TAPPED_BETWEEN.get(node, {})).items():
                command += ["-r", f"{source}:={tapped}"]
        for name, value in (told | parameters).items():
            command += ["-p", f"{name}:={str(value).lower() if isinstance(value, bool) else value}"]
        with (self._folder / f"{node}.log").open("ab") as log:
            self._running[node] = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def start_all(self) -> None:
        """Starts every node, safety first after the robot."""
        for node in NODES:
            self.start(node)

    def send(self, node: str, number: signal.Signals) -> None:
        """Sends a signal to a node's process."""
        self._running[node].send_signal(number)

    def kill(self, node: str) -> None:
        """Ends a node as a crash would."""
        process = self._running.pop(node)
        process.kill()
        process.wait(10.0)

    def is_running(self, node: str) -> bool:
        """Whether a node's process is there."""
        return node in self._running and self._running[node].poll() is None

    def pids(self) -> list[int]:
        """Process numbers of the nodes that run."""
        return [process.pid for process in self._running.values() if process.poll() is None]

    def tail(self, node: str) -> str:
        """The last words of a node."""
        log = self._folder / f"{node}.log"
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-4:]) if log.exists() else ""

    def stop_all(self) -> None:
        """Ends everything, whatever state it is in."""
        for process in self._running.values():
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGINT)
        for process in self._running.values():
            try:
                process.wait(8.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5.0)
        self._running.clear()
