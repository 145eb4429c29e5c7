"""Loggers by name."""

from __future__ import annotations

from rclpy.impl.logger import RcutilsLogger, effective_level, own_level, set_level, severity
from rclpy.impl.logging_severity import LoggingSeverity

__all__ = [
    "LoggingSeverity",
    "get_logger",
    "get_logger_effective_level",
    "get_logger_level",
    "get_logging_severity_from_string",
    "set_logger_level",
]


def get_logger(name: str) -> RcutilsLogger:
    """The logger of that name."""
    if not name:
        raise ValueError("Logger name must not be empty.")
    return RcutilsLogger(name)


def set_logger_level(name: str, level: LoggingSeverity | int, detailed_error: bool = False) -> None:
    """Show only messages of this severity or graver ones; `detailed_error` has no meaning here."""
    set_level(name, level)


def get_logger_effective_level(name: str) -> LoggingSeverity:
    """The least severity that a logger shows."""
    return effective_level(name)


def get_logger_level(name: str) -> LoggingSeverity:
    """The level that was set for a logger itself, or UNSET."""
    return own_level(name)


def get_logging_severity_from_string(log_severity: str) -> LoggingSeverity:
    """`"warn"` -> LoggingSeverity.WARN."""
    return severity(log_severity)
