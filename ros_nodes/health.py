"""What a node says of itself on /diagnostics: level, message, meters, and what went wrong in its callbacks."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from robot_wm.errors import RobotWmError
from ros_nodes.diagnostics import Meter, status


class Health:
    """Collects a node's level, message, meters and failures, and publishes them.

    Args:
        node: The node that it speaks for.
        level: DiagnosticStatus level to begin with.
        message: Message to begin with.
    """

    def __init__(self, node: Node, level: bytes, message: str) -> None:
        self._node = node
        self._state = (level, message)
        self._meters: dict[str, Meter] = {}
        self._failures, self._last_failure, self._logged_s = 0, "", 0.0
        self._namesake = False
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)

    @property
    def message(self) -> str:
        """What is said at present."""
        return self._state[1]

    def set(self, level: bytes, message: str) -> None:
        """Sets level and message without a word in the log."""
        self._state = (level, message)

    def report(self, level: bytes, message: str, details: str = "") -> None:
        """Sets level and message, and logs a change of them, or its `details`."""
        if (level, message) == self._state:
            return
        self._state = (level, message)
        if level == DiagnosticStatus.OK:
            self._node.get_logger().info(details or message)
        else:
            self._node.get_logger().warning(details or message)

    def failed(self, what: str, error: BaseException, quiet_s: float = 0.0) -> str:
        """Logs an exception in one line (its traceback at level debug), and returns that line.

        Args:
            what: What could not be done.
            error: Why.
            quiet_s: The same line is not repeated in the log within so many seconds.
        """
        words = str(error) if isinstance(error, RobotWmError) else f"{_place(error)}{type(error).__name__}: {error}"
        line, now_s = f"{what}: {words}", time.monotonic()
        if line != self._last_failure or now_s - self._logged_s >= quiet_s:
            self._logged_s = now_s
            self._node.get_logger().error(line)
            self._node.get_logger().debug("".join(traceback.format_exception(error)))
        self._failures, self._last_failure = self._failures + 1, line
        self._state = (DiagnosticStatus.ERROR, line)
        return line

    def meter(self, name: str) -> Meter:
        """The meter of that name, made when it is first asked for."""
        return self._meters.setdefault(name, Meter(name))

    def publish(self, hardware: str, values: Mapping[str, str]) -> None:
        """Publishes everything, `values` first, and looks for another node of the same name."""
        self._look_for_namesake()
        figures = dict(values) | {"monotonic_s": f"{time.monotonic():.3f}"}
        if self._failures:
            figures |= {"failures": str(self._failures), "last_failure": self._last_failure}
        for meter in list(self._meters.values()):
            figures |= meter.values()
        name, (level, message) = self._node.get_fully_qualified_name().lstrip("/"), self._state
        if self._namesake:
            figures["namesake"] = "another node has the same name"
            level = max(level, DiagnosticStatus.WARN)
        array = DiagnosticArray(status=[status(name, hardware, level, message, figures)])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)

    def _look_for_namesake(self) -> None:
        """Two nodes of one name answer each other's services; a node that has just crashed is seen for some seconds."""
        ours = self._node.get_name(), self._node.get_namespace()
        found = self._node.get_node_names_and_namespaces().count(ours) > 1
        if found and not self._namesake:
            self._node.get_logger().error(
                f"another node is named {self._node.get_fully_qualified_name()} too: end one of them, or start it with "
                "-r __node:=OTHER or -r __ns:=/OTHER (after a crash the old one is seen for some ten seconds)"
            )
        elif self._namesake and not found:
            self._node.get_logger().info("the other node of the same name is gone")
        self._namesake = found


def _place(error: BaseException) -> str:
    """File and line where an exception came up, so that the one line can be acted upon."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}: " if frames else ""
