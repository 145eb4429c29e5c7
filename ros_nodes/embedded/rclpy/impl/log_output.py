"""Where log messages go: the console, in rclpy's line format, and further receivers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from rclpy.impl.logging_severity import LoggingSeverity


@dataclass(frozen=True)
class Record:
    """A message that is shown, with the line that wrote it."""

    name: str
    level: LoggingSeverity
    message: str
    time_ns: int
    file: str
    function: str
    line: int


Sink = Callable[[Record], None]

_sinks: dict[str, list[Sink]] = {}
_console = True


def add_sink(name: str, sink: Sink) -> None:
    """Give what the logger `name` and those below it show to a further receiver."""
    _sinks.setdefault(name, []).append(sink)


def remove_sink(name: str, sink: Sink) -> None:
    """Take that back; nothing happens where it was taken back before."""
    if sink in _sinks.get(name, ()):
        _sinks[name].remove(sink)


def show_on_console(shown: bool) -> None:
    """Whether messages are written to standard error."""
    global _console
    _console = shown


def _sink_of(name: str) -> Sink | None:
    """The first that was added, as rcl does it where two nodes of one process share a name."""
    while name and not _sinks.get(name):
        name = name.rpartition(".")[0]
    return next(iter(_sinks.get(name, ())), None)


def emit(record: Record) -> None:
    """Show a message."""
    if _console:
        seconds, nanoseconds = divmod(record.time_ns, 1_000_000_000)
        with suppress(OSError, ValueError):  # a console that was closed must not end the node
            sys.stderr.write(f"[{record.level.name}] [{seconds}.{nanoseconds:09d}] [{record.name}]: {record.message}\n")
            sys.stderr.flush()
    sink = _sink_of(record.name)
    if sink is not None:
        sink(record)
