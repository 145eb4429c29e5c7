"""The goals that a server knows: those that go on, and for some time those that have ended."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from rclpy.action.server_goal_handle import ServerGoalHandle
from rclpy.callback_groups import CallbackGroup
from rclpy.constants import S_TO_NS
from rclpy.task import Future

if TYPE_CHECKING:
    from rclpy.node import Node


def goal_key(goal_id: Any) -> bytes:
    """The bytes of a unique_identifier_msgs/UUID."""
    return bytes(goal_id.uuid)


class GoalStore:
    """Goals by their identity, each with its handle and the future of its result.

    Args:
        node: its clock tells how long ago a goal ended.
        keep_s: seconds for which a goal is known after its end.
        callback_group: group of the timer that forgets goals.

    Attributes:
        lock: held while a goal changes its state.
    """

    def __init__(self, node: Node, keep_s: float, callback_group: CallbackGroup | None) -> None:
        self.lock = threading.RLock()
        self._node, self._keep_ns = node, int(keep_s * S_TO_NS)
        self._goals: dict[bytes, tuple[ServerGoalHandle, Future]] = {}
        self._ended: deque[tuple[int, bytes]] = deque()
        self._timer = node.create_timer(keep_s, self._forget_old, callback_group=callback_group, autostart=False)

    def add(self, handle: ServerGoalHandle) -> bool:
        """Keep a goal; False where one with its identity is known already."""
        key = goal_key(handle.goal_id)
        with self.lock:
            if key in self._goals:
                return False
            self._goals[key] = handle, Future()
        return True

    def knows(self, goal_id: Any) -> bool:
        """Whether a goal with that identity is kept."""
        return goal_key(goal_id) in self._goals

    def handles(self) -> list[ServerGoalHandle]:
        """All goals in the order of their acceptance."""
        with self.lock:
            return [handle for handle, _ in self._goals.values()]

    def result(self, goal_id: Any) -> Future | None:
        """The future of a goal's result; None where the goal is not known or no longer."""
        found = self._goals.get(goal_key(goal_id))
        return None if found is None else found[1]

    def note_end(self, handle: ServerGoalHandle) -> None:
        """A goal has ended: forget it after a while."""
        with self.lock:
            deadline_ns = self._node.get_clock().now().nanoseconds + self._keep_ns
            self._ended.append((deadline_ns, goal_key(handle.goal_id)))
            if self._timer.is_canceled():
                self._timer.timer_period_ns = self._keep_ns
                self._timer.reset()

    def _forget_old(self) -> None:
        with self.lock:
            now_ns = self._node.get_clock().now().nanoseconds
            while self._ended and self._ended[0][0] <= now_ns:
                handle, _ = self._goals.pop(self._ended.popleft()[1])
                handle.destroy()
            if not self._ended:
                self._timer.cancel()
                return
            self._timer.timer_period_ns = self._ended[0][0] - now_ns
            self._timer.reset()

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            for handle in self.handles():
                handle.destroy()
            self._goals.clear()
            self._ended.clear()
        self._node.destroy_timer(self._timer)
