"""The demonstration: starts all processes, lets the arm reach and push towards goal images, reports and draws it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from robot_wm.contract import TABLETOP
from ros_nodes.demo_client import NODES, DemoClient, DemoError
from ros_nodes.demo_report import Attempt, Outcome, print_table, report_of
from ros_nodes.launch_substitutions import SubstitutionError, package_share

TASKS = ("reach", "push")
OVERVIEW_RATE = 5.0


@dataclass(frozen=True)
class DemoConfig:
    """Runs the whole system as separate processes and shows that it reaches and pushes.

    Attributes:
        out: Directory for report.json, demo.gif and launch.log.
        seed: Seed of the first attempt's scene; each further attempt takes the next one.
        attempts: Scenes tried for a task until one succeeds; every attempt is in the report.
        bundle: Directory of the model bundle; None for the one that ships.
        randomize: Draw colours, light, physics and camera pose.
    """

    out: Path = Path("runs/demo")
    seed: int = 0
    attempts: int = 3
    bundle: Path | None = None
    randomize: bool = False


def run(config: DemoConfig) -> int:
    """Runs the demonstration; returns 0 only if both tasks succeeded."""
    console, outcome = Console(), Outcome()
    config.out.mkdir(parents=True, exist_ok=True)
    columns = (SpinnerColumn(), TextColumn("{task.description:<28}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        with _system(config) as processes, DemoClient() as client:
            _wait_for_nodes(client, processes, config.out, progress)
            for task in TASKS:
                outcome.attempts[task] = _try(task, client, config, outcome, progress)
            outcome.latency_ms = _camera_to_command(client)
        _draw(outcome, config.out, progress)
    report = report_of(outcome)
    (config.out / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print_table(console, outcome, config.out)
    return 0 if all(task["success"] for task in report["tasks"].values()) else 1


@contextmanager
def _system(config: DemoConfig) -> Iterator[subprocess.Popen]:
    """The processes of demo.launch.xml, ended on leaving; their output goes to launch.log."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    arguments = {
        "bundle": "" if config.bundle is None else str(config.bundle.resolve()),
        "randomize": str(config.randomize).lower(),
        "check_view": str(not config.randomize).lower(),
        "overview_rate": str(OVERVIEW_RATE),
        "seed": str(config.seed),
    }
    command = [sys.executable, "-m", "robot_wm.cli", "launch", str(launch_file("demo.launch.xml"))]
    command += [f"{name}:={value}" for name, value in arguments.items()]
    with (config.out / "launch.log").open("wb") as log:
        processes = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield processes
        finally:
            _end(processes)


def _end(processes: subprocess.Popen) -> None:
    for number, patience_s in ((signal.SIGINT, 10.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        if processes.poll() is not None:
            return
        os.killpg(processes.pid, number) if number == signal.SIGKILL else processes.send_signal(number)
        try:
            processes.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue


def launch_file(name: str) -> Path:
    """A launch file of this project, from the source tree or from where it was installed."""
    try:
        file = package_share("robot_wm", os.environ) / "launch" / name
    except SubstitutionError as error:
        raise DemoError(str(error)) from error
    if not file.is_file():
        raise DemoError(f"{file} is missing; install the project again")
    return file


def _wait_for_nodes(client: DemoClient, processes: subprocess.Popen, out: Path, progress: Progress) -> None:
    bar = progress.add_task("starting the nodes", total=len(NODES))
    deadline = time.monotonic() + 60.0
    while True:
        active = [node for node in NODES if client.is_active(node)]
        progress.update(bar, completed=len(active))
        if len(active) == len(NODES):
            return
        for node in NODES:
            message = client.view.health.get(node, {}).get("message", "")
            if message.startswith("cannot configure"):
                raise DemoError(f"{node}: {message}")
        if processes.poll() is not None:
            raise DemoError(f"the launch ended with code {processes.returncode}; its last words: {_tail(out)}")
        if time.monotonic() > deadline:
            raise DemoError(f"{sorted(set(NODES) - set(active))} did not become active in 60 s: {_tail(out)}")
        time.sleep(0.1)


def _tail(out: Path) -> str:
    lines = (out / "launch.log").read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-5:]) or f"nothing in {out / 'launch.log'}"


def _try(task: str, client: DemoClient, config: DemoConfig, outcome: Outcome, progress: Progress) -> list[Attempt]:
    attempts: list[Attempt] = []
    for seed in range(config.seed, config.seed + config.attempts):
        attempts.append(_attempt(task, seed, client, outcome, progress))
        if attempts[-1].success:
            break
    return attempts


def _attempt(task: str, seed: int, client: DemoClient, outcome: Outcome, progress: Progress) -> Attempt:
    from ros_nodes.demo_picture import Recording

    bar = progress.add_task(f"{task}, seed {seed}", total=None)
    client.set_up(task, seed)
    for stop in client.stops:
        progress.console.print(f"safety_node {stop}")
    client.stops.clear()
    view, initial = client.view, float(client.view.task["distance_m"])
    max_steps = int(view.task["max_steps"])
    progress.update(bar, total=max_steps)
    view.plans, view.energy, client.frames, client.recording = 0, None, [], True
    start, limit_s = time.monotonic(), max_steps * TABLETOP.step_s
    client.trigger("planner/start")
    while view.task.get("success") != "true" and time.monotonic() - start < limit_s:
        progress.update(bar, completed=view.plans)
        time.sleep(0.02)
    seconds, steps, success = time.monotonic() - start, view.plans, view.task.get("success") == "true"
    client.trigger("planner/stop")
    client.recording = False
    progress.update(bar, completed=max_steps)
    attempt = Attempt(seed, success, steps, round(seconds, 2), initial, float(view.task["distance_m"]))
    assert view.goal is not None
    goal = np.frombuffer(view.goal.data, np.uint8).reshape(view.goal.height, view.goal.width, 3)
    words = f"{'reached' if success else 'missed'}: {1000 * attempt.final_distance_m:.0f} mm away after {steps} steps"
    outcome.recordings.append(Recording(task, goal, client.frames, words))
    return attempt


def _camera_to_command(client: DemoClient) -> dict[str, float | None]:
    """From the camera to the controller's command, and on through safety_node to the robot: percentiles added."""
    legs = {"controller_node": "camera_to_command", "safety_node": "command_to_robot"}
    found: dict[str, float | None] = {}
    for percent in (50, 99):
        key = f"latency_ms_p{percent}"
        figures = [client.view.health.get(node, {}).get(f"{leg}.{key}") for node, leg in legs.items()]
        found[f"p{percent}"] = None if None in figures else sum(float(figure) for figure in figures if figure)
    return found


def _draw(outcome: Outcome, out: Path, progress: Progress) -> None:
    from ros_nodes.demo_picture import write_gif

    bar = progress.add_task("drawing demo.gif", total=None)
    write_gif(outcome.recordings, out / "demo.gif", 1.0 / OVERVIEW_RATE)
    progress.update(bar, total=1, completed=1)


if __name__ == "__main__":
    sys.exit(run(DemoConfig()))
