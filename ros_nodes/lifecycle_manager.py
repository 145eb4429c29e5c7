"""Brings managed nodes up in order and down in reverse, watches them, and brings back those that were restarted."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from ros_nodes.described_parameters import Change, DescribedParameters
from ros_nodes.health import Health
from ros_nodes.managed_group import ANSWER_S, BringUpError, ManagedGroup
from ros_nodes.node_process import run

LAST_WORD_S = 4.0
"""Time for bringing everything down when the manager itself is ended."""
ALL_ACTIVE = "all nodes are active"


@dataclass
class _Order:
    """Something the worker is asked to do; `done` is set when `answer` and `success` hold."""

    action: Callable[[], str]
    done: threading.Event = field(default_factory=threading.Event)
    success: bool = False
    answer: str = ""


class LifecycleManager(Node):
    """A worker thread carries out one order after the other, and watches the nodes in between.

    Services (std_srvs/Trigger): `~/startup`, `~/pause`, `~/resume`, `~/reset`, `~/shutdown`, `~/is_active`.
    """

    def __init__(self) -> None:
        super().__init__("lifecycle_manager")
        self._described = DescribedParameters(self)
        names = self._declare("node_names", Parameter.Type.STRING_ARRAY, "The managed nodes, in the order of bring-up.")
        names = [name for name in names or () if name]
        if not names or len(set(names)) < len(names):
            raise BringUpError(f"parameter 'node_names' is {names}; give each node once, as -p node_names:='[a_node]'")
        self._autostart = self._declare("autostart", True, "Bring the nodes up at start.")
        patience_s = self._declare("patience_s", 60.0, "Time for each transition of a node, seconds.", 1.0, 3600.0)
        self._period_s = self._declare("watch_period_s", 1.0, "Time between looks at the nodes, seconds.", 0.1, 60.0)
        self._diagnostics_rate = self._declare("diagnostics_rate", 1.0, "Diagnostics a second.", 0.1, 10.0)
        self._group = ManagedGroup(self, names, patience_s)
        self._orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="worker", daemon=True)
        self._health = Health(self, DiagnosticStatus.WARN, "nothing was started")
        self._offer()

    def _declare(
        self, name: str, default: Any, description: str, low: float | None = None, high: float | None = None
    ) -> Any:
        return self._described.declare(name, default, description, low, high, Change.AT_START)

    def _offer(self) -> None:
        """All orders share a group: the others wait while one is carried out, and threads stay free for answers."""
        orders, apart = MutuallyExclusiveCallbackGroup(), MutuallyExclusiveCallbackGroup()
        for name in ("startup", "pause", "resume", "reset", "shutdown"):
            self.create_service(Trigger, f"~/{name}", self._obeys(getattr(self, f"_{name}")), callback_group=orders)
        self.create_service(Trigger, "~/is_active", self._is_active, callback_group=apart)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0 / self._diagnostics_rate, self._publish, callback_group=apart, clock=steady)

    def _publish(self) -> None:
        self._health.publish("", {each.client.name: each.state or "not there" for each in self._group.members})

    def _obeys(self, action: Callable[[], str]) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
        def callback(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            order = _Order(action)
            self._orders.put(order)
            order.done.wait()
            response.success, response.message = order.success, order.answer
            return response

        return callback

    def _is_active(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        states = {each.client.name: each.state or "not there" for each in self._group.members}
        others = [f"{name} is {state}" for name, state in states.items() if state != "active"]
        response.success, response.message = not others, "; ".join(others) or ALL_ACTIVE
        return response

    def begin(self) -> None:
        """Starts the worker, and the bring-up where `autostart` says so."""
        self._described.warn_about_unknown()
        if self._autostart:
            self._orders.put(_Order(self._startup))
        self._worker.start()

    def end(self) -> None:
        """Brings the nodes down in reverse, as far as they still answer."""
        self._group.closing.set()
        self._worker.join(timeout=ANSWER_S)
        self._group.last_words(LAST_WORD_S)

    def callback_failed(self, what: str, error: Exception) -> None:
        """Logs an exception of a callback and shows it in the diagnostics."""
        self._health.failed(what, error, quiet_s=2.0)

    def _work(self) -> None:
        while not self._group.closing.is_set():
            try:
                order = self._orders.get(timeout=self._period_s)
            except queue.Empty:
                order = _Order(self._watch)
            try:
                order.answer, order.success = order.action(), True
            except BringUpError as error:
                order.answer = f"{error}; mend it, then: {self._how_to_start()}"
                self._health.report(DiagnosticStatus.ERROR, order.answer)
            except Exception as error:
                order.answer = self._health.failed("the manager failed", error)
            order.done.set()

    def _how_to_start(self) -> str:
        return f"ros2 service call {self.get_fully_qualified_name()}/startup std_srvs/srv/Trigger"

    def _said(self, level: bytes, words: str) -> str:
        self._health.report(level, words)
        return words

    def _startup(self) -> str:
        self._said(DiagnosticStatus.WARN, "bringing the nodes up")
        self._group.bring_up()
        return self._said(DiagnosticStatus.OK, ALL_ACTIVE)

    def _resume(self) -> str:
        self._group.resume()
        return self._said(DiagnosticStatus.OK, ALL_ACTIVE)

    def _pause(self) -> str:
        self._group.lower("inactive")
        return self._said(DiagnosticStatus.WARN, "paused: the nodes are inactive")

    def _reset(self) -> str:
        self._group.lower("unconfigured")
        return self._said(DiagnosticStatus.WARN, "reset: the nodes are unconfigured")

    def _shutdown(self) -> str:
        self._group.shut_down()
        return self._said(DiagnosticStatus.WARN, "shut down: to go on, start the processes of the nodes again")

    def _watch(self) -> str:
        was_up = self._group.all_active()
        for name in self._group.watch():
            self._said(DiagnosticStatus.WARN, f"{name} is not there; it is brought up when its process runs")
        if not was_up and self._group.all_active():
            self._said(DiagnosticStatus.OK, ALL_ACTIVE)
        return ""


def main(args: list[str] | None = None) -> int:
    return run(LifecycleManager, args)


if __name__ == "__main__":
    sys.exit(main())
