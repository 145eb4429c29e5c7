"""How a process runs one node: arguments, threads, signals, and an exit code with a reason."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import rclpy
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor, ShutdownException
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from robot_wm.errors import RobotWmError

CANNOT_START = 2
EXPECTED = (RobotWmError, RuntimeError, ValueError, OSError, ParameterException, NameValidationException)
"""What wrong arguments raise; rclpy's own errors about arguments are RuntimeErrors or ValueErrors."""


class Program(Protocol):
    """A node that knows how to begin and to end."""

    def begin(self) -> None:
        """Called once the node's callbacks run."""

    def end(self) -> None:
        """Called at SIGINT and SIGTERM, while the node's callbacks still run."""

    def callback_failed(self, what: str, error: Exception) -> None:
        """Called with an exception that came out of a callback."""


def run(node_type: Callable[[], Program], args: Sequence[str] | None = None, threads: int = 4) -> int:
    """Runs one node until SIGINT or SIGTERM, and lets it end in good order.

    Returns:
        0 after a signal, 2 where the node could not be made; the reason is on standard error.
    """
    wait_for_end = _end_requests()
    try:
        # The context must outlive the signal: a node that ends still has to tell others to stop.
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = node_type()
    except Exception as error:
        _say_why(error)
        rclpy.try_shutdown()
        return CANNOT_START
    assert isinstance(node, Node)
    executor = MultiThreadedExecutor(num_threads=threads)
    executor.add_node(node)
    ending = threading.Event()
    spinner = threading.Thread(target=_spin, args=(executor, node, ending), name="executor", daemon=True)
    spinner.start()
    try:
        node.begin()
        wait_for_end()
        node.end()
    finally:
        ending.set()
        executor.shutdown()
        spinner.join(timeout=5.0)
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _end_requests() -> Callable[[], None]:
    """Catches SIGINT and SIGTERM; the function that is returned waits for the first of them.

    A pipe is written whichever thread the signal reaches, and whatever the main thread does at that instant.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)

    def wait() -> None:
        os.read(reading, 1)

    return wait


def _spin(executor: MultiThreadedExecutor, node: Program, ending: threading.Event) -> None:
    """Spins on after a callback that raised: one bad message must not end a robot's node."""
    while not ending.is_set():
        try:
            executor.spin()
        except (ExternalShutdownException, ShutdownException):
            return
        except Exception as error:
            if not ending.is_set():
                node.callback_failed("a callback failed", error)
        else:
            return


def _say_why(error: Exception) -> None:
    if not isinstance(error, EXPECTED):
        traceback.print_exception(error)
    program = Path(sys.argv[0]).stem
    words = " ".join(str(error).split()) or type(error).__name__
    remedy = "; correct it after -p or in the parameter file" if isinstance(error, ParameterException) else ""
    print(f"{program}: cannot start: {words}{remedy}", file=sys.stderr, flush=True)
