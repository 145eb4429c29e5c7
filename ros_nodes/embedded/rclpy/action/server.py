"""Action servers."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from action_msgs.msg import GoalInfo, GoalStatus, GoalStatusArray

from rclpy.action.callbacks import (
    ActionCallbacks,
    CancelResponse,
    GoalCallback,
    GoalResponse,
    default_cancel_callback,
    default_goal_callback,
    default_handle_accepted_callback,
)
from rclpy.action.cancel_requests import goals_to_cancel
from rclpy.action.goal_store import GoalStore
from rclpy.action.server_goal_handle import GoalEvent, RCLError, ServerGoalHandle
from rclpy.callback_groups import CallbackGroup, ReentrantCallbackGroup
from rclpy.exceptions import InvalidHandle
from rclpy.executors import await_or_execute
from rclpy.impl.messages import checked_action
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, qos_profile_action_status_default, qos_profile_services_default
from rclpy.service import SelfAnswering, Service

if TYPE_CHECKING:
    from rclpy.node import Node

__all__ = ["ActionServer", "CancelResponse", "GoalEvent", "GoalResponse", "RCLError", "ServerGoalHandle"]


class ActionServer(ActionCallbacks):
    """Accepts goals and has them executed. All callbacks may be functions or coroutine functions.

    Args:
        node: the node to which it belongs.
        action_type: action class.
        action_name: name; relative names are below the namespace.
        execute_callback: gets a ServerGoalHandle, ends it and returns the action's Result; it runs outside the group.
        callback_group: group of the other callbacks; by default the node's.
        goal_callback: gets a goal and returns a GoalResponse.
        handle_accepted_callback: gets the ServerGoalHandle of each accepted goal; by default it is executed.
        cancel_callback: gets a ServerGoalHandle and returns a CancelResponse.
        goal_service_qos_profile, result_service_qos_profile, cancel_service_qos_profile: of the three services.
        feedback_pub_qos_profile, status_pub_qos_profile: of the two topics.
        result_timeout: seconds for which a result is kept after the goal's end.
    """

    def __init__(
        self,
        node: Node,
        action_type: Any,
        action_name: str,
        execute_callback: GoalCallback,
        *,
        callback_group: CallbackGroup | None = None,
        goal_callback: Callable[[Any], Any] | None = default_goal_callback,
        handle_accepted_callback: GoalCallback | None = default_handle_accepted_callback,
        cancel_callback: GoalCallback | None = default_cancel_callback,
        goal_service_qos_profile: QoSProfile = qos_profile_services_default,
        result_service_qos_profile: QoSProfile = qos_profile_services_default,
        cancel_service_qos_profile: QoSProfile = qos_profile_services_default,
        feedback_pub_qos_profile: QoSProfile = QoSProfile(depth=10),  # noqa: B008  (read only)
        status_pub_qos_profile: QoSProfile = qos_profile_action_status_default,
        result_timeout: float = 900,
    ) -> None:
        self._node, self._action_name = node, action_name
        self._action_type = checked_action(action_type)
        self._logger = node.get_logger().get_child("action_server")
        self.register_execute_callback(execute_callback)
        self.register_goal_callback(goal_callback)
        self.register_handle_accepted_callback(handle_accepted_callback)
        self.register_cancel_callback(cancel_callback)
        self._goals = GoalStore(node, result_timeout, callback_group)
        kinds, prefix = action_type.Impl, f"{action_name}/_action/"
        self._feedback = node.create_publisher(kinds.FeedbackMessage, prefix + "feedback", feedback_pub_qos_profile)
        self._status = node.create_publisher(kinds.GoalStatusMessage, prefix + "status", status_pub_qos_profile)

        def offer(kind: Any, name: str, callback: Any, profile: QoSProfile, group: CallbackGroup | None) -> Service:
            return node.create_service(kind, prefix + name, callback, qos_profile=profile, callback_group=group)

        waiting = ReentrantCallbackGroup()
        answering = SelfAnswering(self._on_goal)
        self._services = [
            offer(kinds.SendGoalService, "send_goal", answering, goal_service_qos_profile, callback_group),
            offer(kinds.CancelGoalService, "cancel_goal", self._on_cancel, cancel_service_qos_profile, callback_group),
            offer(kinds.GetResultService, "get_result", self._on_result, result_service_qos_profile, waiting),
        ]

    @property
    def action_type(self) -> Any:
        """The action class."""
        return self._action_type

    async def _on_goal(self, request: Any, answer: Callable[[Any], None]) -> None:
        response = self._action_type.Impl.SendGoalService.Response()
        handle = None
        if not self._goals.knows(request.goal_id) and await self._accepts(request.goal):
            info = GoalInfo(goal_id=request.goal_id, stamp=self._node.get_clock().now().to_msg())
            handle = ServerGoalHandle(self, info, request.goal)
            response.accepted, response.stamp = self._goals.add(handle), info.stamp
        answer(response)
        if handle is not None and response.accepted:
            await await_or_execute(self._handle_accepted_callback, handle)

    async def _accepts(self, goal: Any) -> bool:
        verdict = await await_or_execute(self._goal_callback, goal)
        if not isinstance(verdict, GoalResponse):
            self._logger.warning(
                f"the goal callback of action '{self._action_name}' must return a GoalResponse;"
                f" got {type(verdict).__name__}: the goal is rejected"
            )
        return verdict is GoalResponse.ACCEPT

    async def _on_cancel(self, request: Any, response: Any) -> Any:
        code, asked = goals_to_cancel(request.goal_info, self._goals.handles())
        response.goals_canceling = [handle._state.goal_info for handle in asked if await self._cancels(handle)]
        rejected = bool(asked) and not response.goals_canceling
        response.return_code = response.ERROR_REJECTED if rejected else code
        return response

    async def _cancels(self, handle: ServerGoalHandle) -> bool:
        if await await_or_execute(self._cancel_callback, handle) is not CancelResponse.ACCEPT:
            return False
        try:
            handle._update_state(GoalEvent.CANCEL_GOAL)
        except RCLError:
            return False  # it ended while the callback ran
        return True

    async def _on_result(self, request: Any, response: Any) -> Any:
        result = self._goals.result(request.goal_id)
        if result is not None:
            return await result
        self._logger.warning(
            f"action '{self._action_name}': a result was asked for of a goal that is not known, or no longer:"
            f" {bytes(request.goal_id.uuid).hex()}"
        )
        response.status = GoalStatus.STATUS_UNKNOWN
        return response

    @property
    def state_lock(self) -> Any:
        """Held while a goal changes its state and that is published."""
        return self._goals.lock

    def note_state(self, handle: ServerGoalHandle) -> None:
        """Publish the states of all goals after one has changed; a goal that has ended is kept for a while."""
        if not handle.is_active:
            self._goals.note_end(handle)
        states = [goal._state for goal in self._goals.handles()]
        self._tell(self._status, GoalStatusArray(status_list=states))

    def publish_feedback(self, goal_id: Any, feedback: Any) -> None:
        """Publish a goal's feedback; TypeError where it is of another type."""
        if not isinstance(feedback, self._action_type.Feedback):
            raise TypeError(
                f"action '{self._action_name}' takes a {self._action_type.__name__}.Feedback;"
                f" got {type(feedback).__name__}"
            )
        self._tell(self._feedback, self._action_type.Impl.FeedbackMessage(goal_id=goal_id, feedback=feedback))

    def _tell(self, publisher: Publisher, message: Any) -> None:
        """Publish, unless the node was destroyed while a goal went on: then there is nobody to tell."""
        with suppress(InvalidHandle):
            publisher.publish(message)

    def notify_execute(self, goal_handle: ServerGoalHandle, execute_callback: GoalCallback | None) -> None:
        """Have the node's executor run a goal."""
        callback = self._execute_callback if execute_callback is None else execute_callback
        self._node.executor.create_task(self._execute, callback, goal_handle)

    async def _execute(self, callback: GoalCallback, handle: ServerGoalHandle) -> None:
        try:
            result = await await_or_execute(callback, handle)
        except Exception as error:
            self._logger.error(f"Error raised in execute callback: {error}\n{traceback.format_exc()}")
            result = self._action_type.Result()
        if handle.is_active:
            self._logger.warning(f"Goal state not set, assuming aborted. Goal ID: {bytes(handle.goal_id.uuid).hex()}")
            handle.abort()
        future = self._goals.result(handle.goal_id)
        if future is not None:
            future.set_result(self._response(handle.status, result))

    def _response(self, status: int, result: Any) -> Any:
        if not isinstance(result, self._action_type.Result):
            raise TypeError(
                f"the execute callback of action '{self._action_name}' must return a"
                f" {self._action_type.__name__}.Result; got {type(result).__name__}"
            )
        return self._action_type.Impl.GetResultService.Response(status=status, result=result)

    def destroy(self) -> None:
        """Let go of the services and topics, and forget the goals."""
        for service in self._services:
            self._node.destroy_service(service)
        self._goals.clear()
        for publisher in (self._feedback, self._status):
            self._node.destroy_publisher(publisher)
