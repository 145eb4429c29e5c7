"""The part of rclpy's API that robot_wm's nodes use, over Cyclone DDS, for machines without ROS 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rclpy.context import Context
from rclpy.signals import SignalHandlerOptions, install_signal_handlers, uninstall_signal_handlers
from rclpy.utilities import get_default_context, get_rmw_implementation_identifier, ok, remove_ros_args
from rclpy.utilities import try_shutdown as _try_shutdown

if TYPE_CHECKING:
    from rclpy.executors import Executor
    from rclpy.node import Node
    from rclpy.task import Future

_executor: Executor | None = None


def init(
    *,
    args: Sequence[str] | None = None,
    context: Context | None = None,
    domain_id: int | None = None,
    signal_handler_options: SignalHandlerOptions | None = None,
) -> None:
    """Start a context.

    Args:
        args: the command line; sys.argv by default.
        context: the context; by default the default one.
        domain_id: DDS domain; by default ROS_DOMAIN_ID, or 0.
        signal_handler_options: signals to handle; by default both for the default context and none for others.

    Raises:
        RuntimeError: the context is running already.
        ArgumentError, ParameterFileError: the command line is wrong.
    """
    chosen = get_default_context() if context is None else context
    if signal_handler_options is None:
        is_default = chosen is get_default_context()
        signal_handler_options = SignalHandlerOptions.ALL if is_default else SignalHandlerOptions.NO
    chosen.init(args, domain_id=domain_id)
    install_signal_handlers(signal_handler_options)


def shutdown(*, context: Context | None = None, uninstall_handlers: bool | None = None) -> None:
    """End a context; RuntimeError where it is not running."""
    global _executor
    chosen = context or get_default_context(shutting_down=True)
    if context is None:
        _executor = None
    chosen.shutdown()
    if uninstall_handlers or (uninstall_handlers is None and context is None):
        uninstall_signal_handlers()


def try_shutdown(*, context: Context | None = None, uninstall_handlers: bool | None = None) -> None:
    """End a context unless it has ended."""
    global _executor
    if context is None:
        _executor = None
    _try_shutdown(context=context)
    if uninstall_handlers or (uninstall_handlers is None and context is None):
        uninstall_signal_handlers()


def create_node(node_name: str, **options: Any) -> Node:
    """Make a node; the options are those of `rclpy.node.Node`."""
    from rclpy.node import Node

    return Node(node_name, **options)


def get_global_executor() -> Executor:
    """The executor of the functions below."""
    global _executor
    if _executor is None or not _executor.context.ok():
        from rclpy.executors import SingleThreadedExecutor

        _executor = SingleThreadedExecutor()
    return _executor


def spin_once(node: Node, *, executor: Executor | None = None, timeout_sec: float | None = None) -> None:
    """Run one callback, or return when none is ready in time."""
    chosen = executor or get_global_executor()
    added = chosen.add_node(node)
    try:
        chosen.spin_once(timeout_sec=timeout_sec)
    finally:
        if added:
            chosen.remove_node(node)


def spin(node: Node, executor: Executor | None = None) -> None:
    """Run callbacks until the context is shut down."""
    chosen = executor or get_global_executor()
    added = chosen.add_node(node)
    try:
        chosen.spin()
    finally:
        if added:
            chosen.remove_node(node)


def spin_until_future_complete(
    node: Node, future: Future, executor: Executor | None = None, timeout_sec: float | None = None
) -> None:
    """Run callbacks until the future is done or the time is over."""
    chosen = executor or get_global_executor()
    added = chosen.add_node(node)
    try:
        chosen.spin_until_future_complete(future, timeout_sec)
    finally:
        if added:
            chosen.remove_node(node)


__all__ = [
    "Context",
    "create_node",
    "get_default_context",
    "get_global_executor",
    "get_rmw_implementation_identifier",
    "init",
    "ok",
    "remove_ros_args",
    "shutdown",
    "spin",
    "spin_once",
    "spin_until_future_complete",
    "try_shutdown",
]
