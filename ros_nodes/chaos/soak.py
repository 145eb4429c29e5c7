"""Closed loop with random goals and random faults."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

from std_msgs.msg import String

from ros_nodes.chaos.bench import Bench
from ros_nodes.chaos.faults import MORTALS
from ros_nodes.chaos.observer import ChaosError
from ros_nodes.chaos.tap import CAMERA, JOINTS, Meddling
from ros_nodes.qos import LATCHED

FAULT_PERIOD_S, GOAL_PERIOD_S = 30.0, 15.0


def soak(bench: Bench, seconds: float) -> None:
    """Runs for so long; limits that are broken are counted by the simulator all the while, deadlocks here.

    A deadlock is a system that a person cannot set in motion again by reset, stop and start.
    """
    tasks = bench.observer.node.create_publisher(String, "sim/task", LATCHED)
    end_s, next_fault_s, deadlocks = time.monotonic() + seconds, time.monotonic() + 10.0, 0
    warm_bytes = 0
    while time.monotonic() < end_s:
        _new_goal(bench, tasks)
        deadlocks += not _goes_on(bench)
        warm_bytes = warm_bytes or _memory_bytes(bench)
        goal_end_s = min(end_s, time.monotonic() + GOAL_PERIOD_S)
        while time.monotonic() < goal_end_s:
            if time.monotonic() > next_fault_s:
                next_fault_s = time.monotonic() + FAULT_PERIOD_S
                _random_fault(bench)
            time.sleep(0.05)
    bench.expect("closed loop: deadlocks", deadlocks, 0, "")
    if seconds >= 600.0:
        growth = _memory_bytes(bench) / max(1, warm_bytes) - 1.0
        bench.expect("closed loop: memory growth", growth, 0.05, "share")


def _new_goal(bench: Bench, tasks: object) -> None:
    """Sets up another scene while the arm rests, and makes its picture the goal."""
    observer, before = bench.observer, bench.observer.goal
    observer.call("planner/stop")
    observer.until(observer.is_at_rest, 10.0, "the arm does not come to rest")
    task = "reach" if bench.rng.random() < 0.5 else "push"
    tasks.publish(String(data=f"{task} {int(bench.rng.integers(10_000))}"))  # type: ignore[attr-defined]
    observer.until(lambda: observer.goal is not before, 10.0, "no new goal image")
    observer.goals.publish(observer.goal)


def _goes_on(bench: Bench) -> bool:
    try:
        bench.set_in_motion()
    except ChaosError:
        return False
    return True


def _random_fault(bench: Bench) -> None:
    """One fault for a second; what is dead afterwards is started anew."""
    node = str(bench.rng.choice(MORTALS))
    choices: list[Callable[[], None]] = [
        lambda: bench.system.kill(node),
        lambda: bench.system.send(node, signal.SIGSTOP),
        lambda: bench.observer.tap.meddling.update({JOINTS: Meddling(keep=0)}),
        lambda: bench.observer.tap.meddling.update({CAMERA: Meddling(delay_s=0.5)}),
        lambda: bench.observer.tap.meddling.update({JOINTS: Meddling(stamp_s=10.0)}),
    ]
    choices[int(bench.rng.integers(len(choices)))]()
    time.sleep(1.0)
    bench.observer.tap.clear()
    if bench.system.is_running(node):
        bench.system.send(node, signal.SIGCONT)
    else:
        bench.system.start(node)
    _goes_on(bench)


def _memory_bytes(bench: Bench) -> int:
    """Resident memory of all nodes."""
    total = 0
    for pid in bench.system.pids():
        fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
        total += int(fields[1]) * 4096
    return total
