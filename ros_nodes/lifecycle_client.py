"""Asks one managed node for its state and for transitions, with a deadline for every answer."""

from __future__ import annotations

import threading
import time
from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

TRANSITIONS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
}
SHUTDOWNS = {
    "unconfigured": Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    "inactive": Transition.TRANSITION_INACTIVE_SHUTDOWN,
    "active": Transition.TRANSITION_ACTIVE_SHUTDOWN,
}


class LifecycleClient:
    """The lifecycle services of one node; call from a thread that does not run the callbacks of `node`.

    Args:
        node: The node that asks.
        name: Name of the managed node, relative to the namespace of `node` or absolute.
    """

    def __init__(self, node: Node, name: str) -> None:
        self.name = name
        group = ReentrantCallbackGroup()
        self._get_state = node.create_client(GetState, f"{name}/get_state", callback_group=group)
        self._change_state = node.create_client(ChangeState, f"{name}/change_state", callback_group=group)

    def is_offered(self) -> bool:
        """Whether both services are there."""
        return bool(self._get_state.service_is_ready() and self._change_state.service_is_ready())

    def wait_for_services(self, timeout_s: float, closing: threading.Event) -> bool:
        """Waits until the services are there; False after the timeout, and at once when `closing` is set."""
        end = time.monotonic() + timeout_s
        while not self.is_offered():
            if time.monotonic() > end or closing.wait(0.05):
                return False
        return True

    def state(self, timeout_s: float) -> str | None:
        """Label of the node's state; None where there is no node, or no answer in time."""
        if not self.is_offered():
            return None
        answer = _call(self._get_state, GetState.Request(), timeout_s)
        return None if answer is None else str(answer.current_state.label)

    def change(self, transition: str, timeout_s: float) -> str:
        """Asks for `configure`, `activate`, `deactivate`, `cleanup` or `shutdown`; returns what is wrong, or ''."""
        number = TRANSITIONS.get(transition)
        if number is None:
            state = self.state(timeout_s)
            if state is None or state not in SHUTDOWNS:
                return "" if state == "finalized" else f"{self.name} does not answer"
            number = SHUTDOWNS[state]
        answer = _call(self._change_state, ChangeState.Request(transition=Transition(id=number)), timeout_s)
        if answer is None:
            return f"{self.name} did not {transition} within {timeout_s:.0f} s; is its process alive?"
        return "" if answer.success else f"{self.name} could not {transition}; its own log says why"


def _call(client: Any, request: Any, timeout_s: float) -> Any:
    done, future = threading.Event(), client.call_async(request)
    future.add_done_callback(lambda _: done.set())
    if not done.wait(timeout_s):
        client.remove_pending_request(future)
        return None
    return future.result()
