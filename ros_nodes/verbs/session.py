"""A hidden node for as long as one verb runs, and waiting with it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import rclpy
from rclpy.exceptions import NameValidationException
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from robot_wm.errors import RobotWmError

QUIET_S = 0.5
"""The graph is taken as known once nothing has changed in it for so long."""
DISCOVERY_S = 5.0
"""What a graph that keeps changing, and an answer, are waited for at most."""
FIND_S = 3.0
"""What a name is waited for."""
POLL_S = 0.05


class Session:
    """A node `_robot_wm_<pid>` in a context of its own; use it in a `with` statement.

    Raises:
        RobotWmError: the DDS domain cannot be joined; inside the statement, a name breaks ROS 2's rules.
    """

    def __enter__(self) -> Session:
        self._context = rclpy.Context()
        try:
            self._start()
        except (RuntimeError, ValueError) as error:
            rclpy.try_shutdown(context=self._context)
            raise RobotWmError(_one_line(error)) from error
        return self

    def _start(self) -> None:
        rclpy.init(context=self._context, args=[])
        self.node = rclpy.create_node(
            f"_robot_wm_{os.getpid()}",
            context=self._context,
            start_parameter_services=False,
            enable_rosout=False,
            parameter_overrides=[Parameter("start_type_description_service", value=False)],
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self._context)
        if isinstance(error, NameValidationException):
            raise RobotWmError(_one_line(error)) from error

    def spin_once(self, timeout_s: float = POLL_S) -> None:
        """Runs one callback, if one is ready in time."""
        self._executor.spin_once(timeout_sec=timeout_s)

    def until(self, condition: Callable[[], Any], timeout_s: float) -> bool:
        """Spins until the condition holds; False where the time is over first."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.spin_once()
        return True

    def settle(self) -> None:
        """Waits until discovery brings nothing new."""
        deadline = time.monotonic() + DISCOVERY_S
        seen, changed_at = self._snapshot(), time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - changed_at < QUIET_S:
            self.spin_once()
            now = self._snapshot()
            if now != seen:
                seen, changed_at = now, time.monotonic()

    def _snapshot(self) -> tuple[Any, ...]:
        node = self.node
        names = sorted(node.get_node_names_and_namespaces())
        return names, sorted(node.get_topic_names_and_types()), sorted(node.get_service_names_and_types())

    def answer(self, client: Any, request: Any, timeout_s: float = DISCOVERY_S) -> Any:
        """Calls a service and returns its response.

        Raises:
            RobotWmError: it is not there, or does not answer in time.
        """
        if not self.until(client.service_is_ready, timeout_s):
            raise RobotWmError(f"service '{client.srv_name}' is not there after {timeout_s:g} s; is its node running?")
        return self.result(client.call_async(request), f"service '{client.srv_name}'", timeout_s)

    def result(self, future: Any, who: str, timeout_s: float = DISCOVERY_S) -> Any:
        """Spins until a future is done and returns its result.

        Raises:
            RobotWmError: it is not done in time.
        """
        if not self.until(future.done, timeout_s):
            raise RobotWmError(f"{who} did not answer within {timeout_s:g} s; its node may be busy or stuck")
        return future.result()


def run_verb(config: Any, verbs: Mapping[type, Callable[[Session, Any], int]]) -> int:
    """Runs the verb that belongs to the type of its configuration, in a session; returns the exit code."""
    with Session() as session:
        return verbs[type(config)](session, config)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).replace("^", "").split())
