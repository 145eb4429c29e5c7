"""An action server that runs one goal at a time, which a periodic callback brings to its end, as in ros2_control."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import CallbackGroup
from rclpy.task import Future

from ros_nodes.managed_node import ManagedNode

End = Literal["succeed", "abort", "canceled"]


class SingleGoalServer:
    """Accepts goals while the node is active; a new goal aborts the one that runs.

    Args:
        node: The node that offers the action.
        kind: Type of the action.
        name: Name of the action.
        group: Callback group of the goal's requests and of the callback that calls `end`.
        refuse: From a goal to the reason why it is refused, empty to accept it.
        start: Called with an accepted goal.
        preempted: The result of a goal that gives way to a new one.
    """

    def __init__(
        self,
        node: ManagedNode,
        kind: Any,
        name: str,
        group: CallbackGroup,
        *,
        refuse: Callable[[Any], str],
        start: Callable[[Any], None],
        preempted: Callable[[], Any],
    ) -> None:
        self._node, self._name = node, name
        self._refuse, self._start, self._preempted = refuse, start, preempted
        self._handle: ServerGoalHandle | None = None
        self._ends: dict[bytes, Future] = {}
        self._server = ActionServer(
            node,
            kind,
            name,
            self._execute,
            callback_group=group,
            result_timeout=10,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )

    @property
    def is_running(self) -> bool:
        """Whether there is a goal that has not come to its end."""
        return self._handle is not None

    @property
    def is_cancel_requested(self) -> bool:
        """Whether the running goal is to be canceled; then `end("canceled", …)` is due."""
        return self._handle is not None and self._handle.is_cancel_requested

    def publish_feedback(self, feedback: Any) -> None:
        """Sends feedback on the running goal, if there is one."""
        if self._handle is not None:
            self._handle.publish_feedback(feedback)

    def end(self, end: End, result: Any) -> None:
        """Ends the running goal, if there is one."""
        if self._handle is not None:
            self._ends[bytes(self._handle.goal_id.uuid)].set_result((end, result))
            self._handle = None

    def destroy(self) -> None:
        """Takes the action away."""
        self._server.destroy()

    def _on_goal(self, goal: Any) -> GoalResponse:
        reason = self._refuse(goal) if self._node.is_active else f"the node is {self._node.stage}"
        if reason:
            self._node.get_logger().error(f"{self._name}: goal refused: {reason}")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        self.end("abort", self._preempted())
        self._handle, self._ends[bytes(handle.goal_id.uuid)] = handle, Future()
        self._start(handle.request)
        handle.execute()

    async def _execute(self, handle: ServerGoalHandle) -> Any:
        """Waits without holding a thread, then makes the transition here, where the server expects it."""
        key = bytes(handle.goal_id.uuid)
        end, result = await self._ends[key]
        del self._ends[key]
        getattr(handle, end)()
        return result
