"""Loggers: levels by dotted name, and filters by call site."""

from __future__ import annotations

import sys
import time
from typing import Any

from rclpy.impl.log_output import Record, emit
from rclpy.impl.logging_severity import LoggingSeverity

_levels: dict[str, LoggingSeverity] = {"": LoggingSeverity.INFO}
_seen: dict[tuple[str, str, int], float] = {}


def severity(level: LoggingSeverity | int | str) -> LoggingSeverity:
    """A severity from its name or number."""
    return LoggingSeverity[level.upper()] if isinstance(level, str) else LoggingSeverity(level)


def configure_levels(levels: dict[str, str]) -> None:
    """Set levels by logger name; the empty name is the default."""
    for name, level in levels.items():
        _levels[name] = severity(level)


def set_level(name: str, level: LoggingSeverity | int) -> None:
    """Set the level of a logger and of those below it that have none; UNSET takes it back."""
    chosen = LoggingSeverity(level)
    if chosen is LoggingSeverity.UNSET and name:
        _levels.pop(name, None)
    else:
        _levels[name] = chosen


def effective_level(name: str) -> LoggingSeverity:
    """The level of a logger: its own, or that of the nearest one above."""
    while name not in _levels:
        name = name.rpartition(".")[0]
    return _levels[name]


class RcutilsLogger:
    """A named logger, as `node.get_logger()` returns it."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def get_child(self, name: str) -> RcutilsLogger:
        """The logger `name` below this one."""
        if not name:
            raise ValueError("Child logger name must not be empty.")
        return RcutilsLogger(f"{self.name}.{name}" if self.name else name)

    def set_level(self, level: LoggingSeverity | int) -> None:
        """Show only messages of this severity or graver ones."""
        set_level(self.name, level)

    def get_effective_level(self) -> LoggingSeverity:
        """The least severity that is shown."""
        return effective_level(self.name)

    def is_enabled_for(self, level: LoggingSeverity | int) -> bool:
        """Whether messages of this severity are shown."""
        return LoggingSeverity(level) >= effective_level(self.name)

    def log(
        self,
        message: str,
        level: LoggingSeverity | int,
        *,
        once: bool = False,
        skip_first: bool = False,
        throttle_duration_sec: float | None = None,
        throttle_time_source_type: Any = None,
        name: str | None = None,
    ) -> bool:
        """Write a message; returns whether it was shown.

        Args:
            message: the text.
            level: its severity.
            once: only the first message from the calling line.
            skip_first: all but the first message from the calling line.
            throttle_duration_sec: at most one message in this time from the calling line.
            throttle_time_source_type: accepted for rclpy's sake; the time is always steady.
            name: another logger's name to show.
        """
        if not self.is_enabled_for(level):
            return False
        if (once or skip_first or throttle_duration_sec is not None) and not _passes(
            once, skip_first, throttle_duration_sec
        ):
            return False
        emit(Record(name or self.name, LoggingSeverity(level), str(message), time.time_ns(), *_call_site()))
        return True

    def debug(self, message: str, **filters: Any) -> bool:
        """Write a message for developers."""
        return self.log(message, LoggingSeverity.DEBUG, **filters)

    def info(self, message: str, **filters: Any) -> bool:
        """Write a message about normal work."""
        return self.log(message, LoggingSeverity.INFO, **filters)

    def warning(self, message: str, **filters: Any) -> bool:
        """Write a message about something odd."""
        return self.log(message, LoggingSeverity.WARN, **filters)

    warn = warning

    def error(self, message: str, **filters: Any) -> bool:
        """Write a message about something that failed."""
        return self.log(message, LoggingSeverity.ERROR, **filters)

    def fatal(self, message: str, **filters: Any) -> bool:
        """Write a message about something that ends the node."""
        return self.log(message, LoggingSeverity.FATAL, **filters)


def _call_site() -> tuple[str, str, int]:
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_code.co_name, frame.f_lineno


def _passes(once: bool, skip_first: bool, throttle_s: float | None) -> bool:
    site, now = _call_site(), time.monotonic()
    last = _seen.get(site)
    if last is None:
        _seen[site] = now
        return not skip_first
    if once or (throttle_s is not None and now - last < throttle_s):
        return False
    _seen[site] = now
    return True
