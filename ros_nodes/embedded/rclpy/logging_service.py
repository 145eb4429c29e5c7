"""The two services by which others read and set the levels of a process's loggers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import LoggerLevel, SetLoggerLevelsResult
from rcl_interfaces.srv import GetLoggerLevels, SetLoggerLevels

from rclpy.logging import get_logger_level, set_logger_level

if TYPE_CHECKING:
    from rclpy.node import Node


class LoggingService:
    """Offers `~/get_logger_levels` and `~/set_logger_levels`."""

    def __init__(self, node: Node) -> None:
        node.create_service(GetLoggerLevels, "~/get_logger_levels", _get)
        node.create_service(SetLoggerLevels, "~/set_logger_levels", _set)


def _get(request: Any, response: Any) -> Any:
    response.levels = [LoggerLevel(name=name, level=int(get_logger_level(name))) for name in request.names]
    return response


def _set(request: Any, response: Any) -> Any:
    for wanted in request.levels:
        result = SetLoggerLevelsResult(successful=True)
        try:
            set_logger_level(wanted.name, wanted.level)
        except ValueError:
            result = SetLoggerLevelsResult(reason=f"{wanted.level} is no severity: 0, 10, 20, 30, 40 or 50")
        response.results.append(result)
    return response
