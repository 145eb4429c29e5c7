"""Rates, latencies and drops of a node's streams, and their diagnostic_msgs form."""

from __future__ import annotations

import time
from collections import deque

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

NODES = ("sim_node", "safety_node", "perception_node", "planner_node", "controller_node")
"""The nodes of a whole simulated system."""


class Meter:
    """Counts one stream: how often it ticks, how late it is and what was dropped.

    Args:
        name: Prefix of its keys in the diagnostics.
        window: Number of recent ticks that rate and percentiles are taken over.
    """

    def __init__(self, name: str, window: int = 500) -> None:
        self.name = name
        self.count = 0
        self.dropped = 0
        self._times: deque[float] = deque(maxlen=window)
        self._latencies: deque[float] = deque(maxlen=window)

    def tick(self, latency_s: float | None = None) -> None:
        """Counts one message, with its latency in seconds where there is one."""
        self.count += 1
        self._times.append(time.monotonic())
        if latency_s is not None:
            self._latencies.append(latency_s)

    def drop(self) -> None:
        """Counts one message that was not used."""
        self.dropped += 1

    def rate_hz(self) -> float:
        """Ticks a second over the last five seconds."""
        now = time.monotonic()
        recent = [stamp for stamp in self._times.copy() if now - stamp < 5.0]
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 and recent[-1] > recent[0] else 0.0

    def percentile_ms(self, percent: float) -> float | None:
        """A percentile of the latency in milliseconds; None before the first."""
        latencies = self._latencies.copy()
        return float(np.percentile(latencies, percent)) * 1e3 if latencies else None

    def values(self) -> dict[str, str]:
        """Its figures as diagnostics show them."""
        figures = {"count": str(self.count), "dropped": str(self.dropped), "rate_hz": f"{self.rate_hz():.1f}"}
        for percent in (50, 99):
            latency = self.percentile_ms(percent)
            if latency is not None:
                figures[f"latency_ms_p{percent}"] = f"{latency:.1f}"
        return {f"{self.name}.{key}": value for key, value in figures.items()}


def status(name: str, hardware: str, level: bytes, message: str, values: dict[str, str]) -> DiagnosticStatus:
    """One DiagnosticStatus."""
    pairs = [KeyValue(key=key, value=value) for key, value in values.items()]
    return DiagnosticStatus(level=level, name=name, message=message, hardware_id=hardware, values=pairs)


def read_values(array: DiagnosticArray, name: str) -> dict[str, str] | None:
    """The values of the status `name` with its 'message' and 'level' added; None when the array does not hold it."""
    for entry in array.status:
        if entry.name == name:
            level = str(int.from_bytes(bytes(entry.level), "little"))
            return {"message": entry.message, "level": level} | {pair.key: pair.value for pair in entry.values}
    return None
