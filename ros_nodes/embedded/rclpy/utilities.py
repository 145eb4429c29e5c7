"""The default context, and what asks it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

from rclpy.context import Context
from rclpy.impl.arguments import parse

_lock = threading.Lock()
_default: Context | None = None


def get_default_context(*, shutting_down: bool = False) -> Context:
    """The context that is used where none is given; a new one after a shutdown."""
    global _default
    with _lock:
        context = _default or Context()
        _default = None if shutting_down else context
        return context


def ok(*, context: Context | None = None) -> bool:
    """Whether the context is started and not shut down."""
    return (context or get_default_context()).ok()


def shutdown(*, context: Context | None = None) -> None:
    """End the context; RuntimeError where it is not running."""
    (context or get_default_context(shutting_down=True)).shutdown()


def try_shutdown(*, context: Context | None = None) -> None:
    """End the context unless it has ended."""
    (context or get_default_context(shutting_down=True)).try_shutdown()


def remove_ros_args(args: Sequence[str] | None = None) -> list[str]:
    """The command line without what is meant for ROS."""
    return parse(sys.argv if args is None else args)[1]


def get_rmw_implementation_identifier() -> str:
    """The name of the transport."""
    return "rmw_cyclonedds_embedded"
