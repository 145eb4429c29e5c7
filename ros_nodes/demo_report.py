"""What a demonstration showed: every attempt, the latency, the report and the table."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Attempt:
    """How one try at a task went; distances in metres, `steps` are the plans that were made."""

    seed: int
    success: bool
    steps: int
    seconds: float
    initial_distance_m: float
    final_distance_m: float


@dataclass
class Outcome:
    """Everything that was seen, by task."""

    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    recordings: list[Any] = field(default_factory=list)
    latency_ms: dict[str, float | None] = field(default_factory=dict)


def report_of(outcome: Outcome) -> dict[str, Any]:
    """The report as it is written to report.json."""
    tasks = {}
    for task, attempts in outcome.attempts.items():
        last = asdict(attempts[-1])
        tasks[task] = last | {"attempts": [asdict(attempt) for attempt in attempts]}
    return {"tasks": tasks, "camera_to_command_ms": outcome.latency_ms}


def print_table(console: Console, outcome: Outcome, out: Path) -> None:
    """Shows every attempt, the latency and what was written to `out`."""
    table = Table("task", "seed", "success", "steps", "seconds", "distance before", "after")
    for task, attempts in outcome.attempts.items():
        for attempt in attempts:
            table.add_row(
                task,
                str(attempt.seed),
                "yes" if attempt.success else "no",
                str(attempt.steps),
                f"{attempt.seconds:.1f}",
                f"{100 * attempt.initial_distance_m:.1f} cm",
                f"{100 * attempt.final_distance_m:.1f} cm",
            )
    console.print(table)
    figures = ", ".join(f"{name} {value:.0f} ms" for name, value in outcome.latency_ms.items() if value is not None)
    console.print(f"camera to joint command: {figures or 'not measured'}")
    console.print(f"written: {out / 'report.json'}, {out / 'demo.gif'}, {out / 'launch.log'}")
