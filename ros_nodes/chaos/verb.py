"""`robot-wm chaos`: faults in the full simulated system, and whether every promise was kept."""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ros_nodes.chaos import faults, forgeries
from ros_nodes.chaos.bench import Bench, Finding
from ros_nodes.chaos.data_loss import worst_loss_ms
from ros_nodes.chaos.observer import ChaosError, Observer
from ros_nodes.chaos.soak import soak
from ros_nodes.chaos.system import System
from ros_nodes.robot_config import RobotConfig

Fault = Callable[[Bench], None]


@dataclass(frozen=True)
class ChaosConfig:
    """Starts the simulated system, injects faults, and measures what the arm does.

    Attributes:
        quick: Each fault once or a few times, within ten minutes; otherwise as often as the promises say, and two
            hours of closed loop with a fault every 30 s.
        json: File for the report.
        only: Faults to inject, by name; all by default.
        seed: Of the instants and of what is broken.
        soak_s: Length of the closed loop with random faults; None for what `quick` says.
    """

    quick: bool = False
    json: Path | None = None
    only: tuple[str, ...] = ()
    seed: int = 0
    soak_s: float | None = None


def run(config: ChaosConfig) -> int:
    """Injects the faults; 0 when every bound was kept."""
    console, findings, stops, bad, late = Console(), list[Finding](), list[float](), 0, 0
    broken, words = dict[str, int](), list[str]()
    start_s = time.monotonic()
    for setting, chosen in _programme(config):
        with _bench(config, setting) as bench:
            for name, fault in chosen.items():
                console.print(f"[{time.monotonic() - start_s:5.0f} s] {name}")
                _inject(bench, name, fault)
        findings += bench.findings
        stops += bench.stops_s
        bad += bench.observer.bad_commands
        late += bench.observer.limited_by_drives()
        words += bench.observer.seen_broken
        for limit, ticks in bench.observer.broken().items():
            broken[limit] = broken.get(limit, 0) + ticks
    loss_ms = worst_loss_ms(2 if config.quick else 20, config.seed) if _wants(config, "recorder") else None
    report = _report(findings, stops, bad, broken, loss_ms) | {
        "seconds": round(time.monotonic() - start_s, 1),
        "limited_by_drives": late,
        "limits_in_words": words,
    }
    _print(console, findings, report)
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0 if report["kept"] else 1


def _programme(config: ChaosConfig) -> Iterator[tuple[dict[str, Any], dict[str, Fault]]]:
    """Systems to start, each with its faults: how `System` is set up, faults."""
    quick = config.quick
    real: dict[str, Fault] = {
        "emergency_stop": faults.emergency_stop,
        "sensors": faults.silent_and_late_sensors,
        "nonsense": forgeries.nonsense,
        "dying_parts": lambda bench: faults.dying_parts(bench, 1 if quick else 20),
        "mutated": lambda bench: forgeries.mutated_messages(bench, 2_000 if quick else 20_000),
        "flood": forgeries.flood,
    }
    soak_s = config.soak_s if config.soak_s is not None else 30.0 if quick else 7200.0
    goals = 32 if quick else 10_000
    systems: list[tuple[dict[str, Any], dict[str, Fault]]] = [
        ({"mode": "random"}, real),
        ({"mode": "random", "sim_time": True}, {"clocks": faults.clocks}),
        ({"mode": "flat", "asks": True}, {"goals": lambda bench: forgeries.strange_goals(bench, goals)}),
        ({"mode": "flat"}, {"soak": lambda bench: soak(bench, soak_s)}),
    ]
    for setting, known in systems:
        chosen = {name: fault for name, fault in known.items() if _wants(config, name)}
        if chosen:
            yield setting, chosen


def _wants(config: ChaosConfig, name: str) -> bool:
    return not config.only or name in config.only


@contextmanager
def _bench(config: ChaosConfig, setting: dict[str, Any]) -> Iterator[Bench]:
    robot, domain = RobotConfig.load("panda_sim"), random.SystemRandom().randrange(1, 100)
    with tempfile.TemporaryDirectory(prefix="robot_wm_chaos_") as folder:
        system = System(Path(folder), domain, **setting)
        try:
            with Observer(domain, robot, sim_time=setting.get("sim_time", False)) as observer:
                bench = Bench(system, observer, robot, np.random.default_rng(config.seed))
                system.start_all()
                bench.until_ready()
                yield bench
        finally:
            system.stop_all()


def _inject(bench: Bench, name: str, fault: Fault) -> None:
    """A system that cannot be brought into motion again is a finding, and the next fault is tried."""
    before = bench.observer.broken()
    try:
        fault(bench)
        bench.expect_limits_kept(name, before)
    except ChaosError as error:
        bench.findings.append(Finding(name, float("inf"), 0.0, "", str(error)))
        for node in ("safety_node", "perception_node", "planner_node", "controller_node"):
            if not bench.system.is_running(node):
                bench.system.start(node)


def _report(
    findings: list[Finding], stops: list[float], bad: int, broken: dict[str, int], loss_ms: float | None
) -> dict[str, Any]:
    loss_kept = loss_ms is None or loss_ms <= 250.0
    return {
        "bad_commands": bad,
        "limit_violations": sum(broken.values()),
        "limits": broken,
        "slowest_stop_s": _number(max(stops, default=0.0)),
        "worst_data_loss_ms": loss_ms,
        "kept": bool(bad == 0 and not any(broken.values()) and loss_kept and all(finding.kept for finding in findings)),
        "faults": [asdict(each) | {"value": _number(each.value), "kept": each.kept} for each in findings],
    }


def _number(value: float) -> float | None:
    """JSON has no infinity: None stands for "never"."""
    return value if np.isfinite(value) else None


def _print(console: Console, findings: list[Finding], report: dict[str, Any]) -> None:
    table = Table("fault", "figure", "bound", "kept", "state afterwards")
    for each in findings:
        kept = "yes" if each.kept else "[bold red]no[/]"
        table.add_row(each.fault, f"{each.value:g} {each.unit}", f"{each.bound:g}", kept, each.note[:60])
    console.print(table)
    keys = (
        "bad_commands",
        "limit_violations",
        "limits",
        "limited_by_drives",
        "slowest_stop_s",
        "worst_data_loss_ms",
        "seconds",
        "kept",
    )
    console.print(", ".join(f"{key} {report[key]}" for key in keys))
    for words in report["limits_in_words"]:
        console.print(words, markup=False)


if __name__ == "__main__":
    sys.exit(run(ChaosConfig(quick=True)))
