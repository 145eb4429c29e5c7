"""Begins and ends recordings of `recorder_node`, and tells it the task."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node

from ros_nodes.lifecycle_client import LifecycleClient

RECORDER = "recorder_node"
ANSWER_S = 5.0


class RecorderClient:
    """Leads `recorder_node` through its lifecycle; call from a thread that may wait.

    Args:
        node: The node that asks.
        says: Told what came of it.
    """

    def __init__(self, node: Node, says: Callable[[str], None]) -> None:
        self._node, self._says, self._asking = node, says, threading.Lock()
        self._lifecycle = LifecycleClient(node, RECORDER)
        self._parameters = node.create_client(SetParameters, f"{RECORDER}/set_parameters")

    def record(self, is_on: bool, task: str) -> None:
        """Begins a recording of episodes of `task`, or ends it."""
        with self._asking:
            self._says(self._begin(task) if is_on else self._end())

    def _begin(self, task: str) -> str:
        state = self._lifecycle.state(ANSWER_S)
        if state is None:
            return f"{RECORDER} does not run: robot-wm launch launch/record.launch.xml autostart:=false"
        steps = {"unconfigured": ("configure", "activate"), "inactive": ("activate",)}.get(state, ())
        for step in steps:
            if step == "activate" and not self._tell_task(task):
                return f"{RECORDER} does not take the task"
            wrong = self._lifecycle.change(step, ANSWER_S)
            if wrong:
                return wrong
        return "recording; Begin episode marks where one begins" if steps else f"{RECORDER} is {state} already"

    def _end(self) -> str:
        return self._lifecycle.change("deactivate", ANSWER_S) or "recording ended"

    def _tell_task(self, task: str) -> bool:
        value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=task)
        request = SetParameters.Request(parameters=[Parameter(name="task", value=value)])
        answer = _wait(self._parameters.call_async(request))
        return answer is not None and all(result.successful for result in answer.results)

    def close(self) -> None:
        """Gives the client of the parameter service back."""
        self._node.destroy_client(self._parameters)


def _wait(future: Any) -> Any:
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    return future.result() if done.wait(ANSWER_S) else None
