"""Action clients."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from action_msgs.msg import GoalStatus, GoalStatusArray
from unique_identifier_msgs.msg import UUID

from rclpy.action.client_goal_handle import ClientGoalHandle
from rclpy.callback_groups import CallbackGroup
from rclpy.client import Client
from rclpy.impl.messages import checked_action
from rclpy.qos import QoSProfile, qos_profile_action_status_default, qos_profile_services_default
from rclpy.subscription import Subscription
from rclpy.task import Future

if TYPE_CHECKING:
    from rclpy.node import Node

POLL_S = 0.01


class ActionClient:
    """Sends goals to an action server.

    Args:
        node: the node to which it belongs.
        action_type: action class.
        action_name: name; relative names are below the namespace.
        callback_group: group of the feedback callbacks; by default the node's.
        goal_service_qos_profile, result_service_qos_profile, cancel_service_qos_profile: of the three services.
        feedback_sub_qos_profile, status_sub_qos_profile: of the two topics.
    """

    def __init__(
        self,
        node: Node,
        action_type: Any,
        action_name: str,
        *,
        callback_group: CallbackGroup | None = None,
        goal_service_qos_profile: QoSProfile = qos_profile_services_default,
        result_service_qos_profile: QoSProfile = qos_profile_services_default,
        cancel_service_qos_profile: QoSProfile = qos_profile_services_default,
        feedback_sub_qos_profile: QoSProfile = QoSProfile(depth=10),  # noqa: B008  (read only)
        status_sub_qos_profile: QoSProfile = qos_profile_action_status_default,
    ) -> None:
        self._node, self._action_name = node, action_name
        self._action_type = checked_action(action_type)
        self._goal_handles: WeakValueDictionary[bytes, ClientGoalHandle] = WeakValueDictionary()
        self._feedback_callbacks: dict[bytes, Callable[[Any], Any]] = {}
        kinds, prefix = action_type.Impl, f"{action_name}/_action/"

        def ask(kind: Any, name: str, profile: QoSProfile) -> Client:
            return node.create_client(kind, prefix + name, qos_profile=profile, callback_group=callback_group)

        def listen(kind: Any, name: str, callback: Callable[[Any], Any], profile: QoSProfile) -> Subscription:
            return node.create_subscription(kind, prefix + name, callback, profile, callback_group=callback_group)

        self._goal_client = ask(kinds.SendGoalService, "send_goal", goal_service_qos_profile)
        self._cancel_client = ask(kinds.CancelGoalService, "cancel_goal", cancel_service_qos_profile)
        self._result_client = ask(kinds.GetResultService, "get_result", result_service_qos_profile)
        self._feedback = listen(kinds.FeedbackMessage, "feedback", self._on_feedback, feedback_sub_qos_profile)
        self._status = listen(kinds.GoalStatusMessage, "status", self._on_status, status_sub_qos_profile)

    def send_goal(self, goal: Any, **kwargs: Any) -> Any:
        """Send a goal and wait for its end, its `status` and its `result`, while another thread spins."""
        return self._get_result(_wait(self.send_goal_async(goal, **kwargs)))

    def send_goal_async(
        self, goal: Any, feedback_callback: Callable[[Any], Any] | None = None, goal_uuid: UUID | None = None
    ) -> Future:
        """Send a goal; the future gets a ClientGoalHandle once the server has accepted or rejected it.

        Args:
            goal: the goal.
            feedback_callback: called with each feedback message of this goal.
            goal_uuid: the goal's identity; by default a random one.

        Raises:
            TypeError: the goal is of another type.
        """
        if not isinstance(goal, self._action_type.Goal):
            raise TypeError(
                f"action '{self._action_name}' takes a {self._action_type.__name__}.Goal; got {type(goal).__name__}"
            )
        goal_id = UUID(uuid=list(uuid.uuid4().bytes)) if goal_uuid is None else goal_uuid
        if feedback_callback is not None:
            self._feedback_callbacks[bytes(goal_id.uuid)] = feedback_callback
        request = self._action_type.Impl.SendGoalService.Request(goal_id=goal_id, goal=goal)
        response, future = self._goal_client.call_async(request), Future()
        response._notify(lambda: self._on_goal_response(goal_id, response.result(), future))
        future.add_done_callback(lambda _: self._goal_client.remove_pending_request(response))
        return future

    def _on_goal_response(self, goal_id: UUID, response: Any, future: Future) -> None:
        key = bytes(goal_id.uuid)
        handle = ClientGoalHandle(self, goal_id, response)
        future._set_executor(self._node.executor)
        if not handle.accepted:
            self._feedback_callbacks.pop(key, None)
        elif key in self._goal_handles:
            future.set_exception(RuntimeError(f"Two goals were accepted with the same ID ({handle})"))
            return
        else:
            self._goal_handles[key] = handle
        future.set_result(handle)

    def _on_feedback(self, message: Any) -> Any:
        callback = self._feedback_callbacks.get(bytes(message.goal_id.uuid))
        return callback(message) if callback is not None else None

    def _on_status(self, message: GoalStatusArray) -> None:
        for entry in message.status_list:
            key = bytes(entry.goal_info.goal_id.uuid)
            handle = self._goal_handles.get(key)
            if handle is not None:
                handle._status = entry.status
                if entry.status >= GoalStatus.STATUS_SUCCEEDED:
                    self._goal_handles.pop(key, None)

    def _cancel_goal(self, goal_handle: ClientGoalHandle) -> Any:
        return _wait(self._cancel_goal_async(goal_handle))

    def _cancel_goal_async(self, goal_handle: ClientGoalHandle) -> Future:
        request = self._action_type.Impl.CancelGoalService.Request()
        request.goal_info.goal_id = goal_handle.goal_id
        return self._cancel_client.call_async(request)

    def _get_result(self, goal_handle: ClientGoalHandle) -> Any:
        return _wait(self._get_result_async(goal_handle))

    def _get_result_async(self, goal_handle: ClientGoalHandle) -> Future:
        key = bytes(goal_handle.goal_id.uuid)
        request = self._action_type.Impl.GetResultService.Request(goal_id=goal_handle.goal_id)
        future = self._result_client.call_async(request)
        future.add_done_callback(lambda _: self._feedback_callbacks.pop(key, None))
        return future

    def server_is_ready(self) -> bool:
        """Whether a server is there with all its services and topics."""
        clients = (self._goal_client, self._cancel_client, self._result_client)
        return all(client.service_is_ready() for client in clients) and all(
            topic.get_publisher_count() > 0 for topic in (self._feedback, self._status)
        )

    def wait_for_server(self, timeout_sec: float | None = None) -> bool:
        """Wait until a server is ready; False where the timeout comes first."""
        end = None if timeout_sec is None else time.monotonic() + timeout_sec
        while self._node.context.ok() and not self.server_is_ready():
            if end is not None and time.monotonic() >= end:
                break
            time.sleep(POLL_S)
        return self.server_is_ready()

    def destroy(self) -> None:
        """Let go of the services and topics."""
        for client in (self._goal_client, self._cancel_client, self._result_client):
            self._node.destroy_client(client)
        for topic in (self._feedback, self._status):
            self._node.destroy_subscription(topic)
        self._feedback_callbacks.clear()


def _wait(future: Future) -> Any:
    done = threading.Event()
    future._notify(done.set)
    done.wait()
    return future.result()
