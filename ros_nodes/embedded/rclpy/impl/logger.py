"""Loggers: levels by dotted name, and filters by call site."""

from __future__ import annotations

import sys
import time
from typing import Any

from rclpy.impl.log_filters import Filters, checked
from rclpy.impl.log_output import Record, emit
from rclpy.impl.logging_severity import LoggingSeverity

_levels: dict[str, LoggingSeverity] = {"": LoggingSeverity.INFO}
CallSite = tuple[str, str, int, int]
"""File, function, line, and where in the line."""


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


def own_level(name: str) -> LoggingSeverity:
    """The level of a logger itself; UNSET where it has none."""
    return _levels.get(name, LoggingSeverity.UNSET)


def effective_level(name: str) -> LoggingSeverity:
    """The level of a logger: its own, or that of the nearest one above."""
    while name not in _levels:
        name = name.rpartition(".")[0]
    return _levels[name]


class RcutilsLogger:
    """A named logger, as `node.get_logger()` returns it."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._seen: dict[CallSite, tuple[LoggingSeverity, str, Filters]] = {}

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

    def log(self, message: str, severity: LoggingSeverity | int, **options: Any) -> bool:
        """Write a message; returns whether it was shown.

        Args:
            message: the text.
            severity: its severity.
            options: `once` shows only the first message from the calling line, `skip_first` all but the first, and
                `throttle_duration_sec` at most one in this time on the clock `throttle_time_source_type`, or on
                system time; `name` is another logger's name to show.

        Raises:
            TypeError: an option is unknown or lacks another one.
            ValueError: the calling line has changed its mind about severity, name or options.
        """
        if not self.is_enabled_for(severity):
            return False
        level, name = LoggingSeverity(severity), options.pop("name", self.name)
        site = _call_site()
        if not self._filters_of(site, level, name, checked(options)).let_pass():
            return False
        emit(Record(name, level, str(message), time.time_ns(), *site[:3]))
        return True

    def _filters_of(self, site: CallSite, level: LoggingSeverity, name: str, wanted: dict[str, Any]) -> Filters:
        known_level, known_name, filters = self._seen.setdefault(site, (level, name, Filters(wanted)))
        if (known_level, known_name, filters.options) != (level, name, wanted):
            raise ValueError(f"severity, name and options of a log call must not change between calls ({site[0]})")
        return filters

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


def _call_site() -> CallSite:
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_code.co_name, frame.f_lineno, frame.f_lasti
