"""Action clients and servers, written against rclpy's API: in one process, and between two."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # isort: skip
from action_msgs.msg import GoalStatus, GoalStatusArray
from action_msgs.srv import CancelGoal
from control_msgs.action import FollowJointTrajectory, GripperCommand
from rclpy.action import (
    ActionClient,
    ActionServer,
    CancelResponse,
    GoalResponse,
    get_action_client_names_and_types_by_node,
    get_action_names_and_types,
    get_action_server_names_and_types_by_node,
)
from rclpy.action.server import RCLError
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_action_status_default
from rclpy.task import Future
from rclpy.time import Time
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectoryPoint
from unique_identifier_msgs.msg import UUID

DEADLINE_S = 40.0
PEER = Path(__file__).with_name("embedded_peer.py")
TYPE = "control_msgs/action/GripperCommand"
Goal, Result, Feedback = GripperCommand.Goal, GripperCommand.Result, GripperCommand.Feedback


def new_id() -> UUID:
    return UUID(uuid=list(uuid.uuid4().bytes))


def wide(position: float) -> Any:
    """A goal for a position."""
    goal = Goal()
    goal.command.position = position
    return goal


def succeed(goal_handle: Any) -> Any:
    goal_handle.succeed()
    return Result(position=goal_handle.request.command.position, reached_goal=True)


class Arena:
    """A server node and a client node in a domain of their own, run by one executor."""

    def __init__(self, executor: type = SingleThreadedExecutor, **options: Any) -> None:
        self.domain = random.SystemRandom().randrange(100, 200)
        self.context = rclpy.Context()
        rclpy.init(context=self.context, args=[], domain_id=self.domain)
        self.server_node = Node("server", context=self.context)
        self.client_node = Node("client", context=self.context)
        self.executor = executor(context=self.context, **options)
        for node in (self.server_node, self.client_node):
            self.executor.add_node(node)

    def until(self, condition: Callable[[], Any]) -> None:
        """Spins until the condition holds."""
        end = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end, "the condition was not met in time"
            self.executor.spin_once(timeout_sec=0.05)

    def result_of(self, future: Future) -> Any:
        """Spins until the future is done and returns its result."""
        self.executor.spin_until_future_complete(future, DEADLINE_S)
        assert future.done(), "the future was not done in time"
        return future.result()

    def serve(self, execute: Callable[[Any], Any] = succeed, **options: Any) -> ActionServer:
        return ActionServer(self.server_node, GripperCommand, "gripper", execute, **options)

    def client(self) -> ActionClient:
        client = ActionClient(self.client_node, GripperCommand, "gripper")
        assert client.wait_for_server(timeout_sec=DEADLINE_S)
        return client

    def send(self, client: ActionClient, goal: Any, **options: Any) -> Any:
        """Sends a goal and returns its handle."""
        return self.result_of(client.send_goal_async(goal, **options))

    def call(self, kind: Any, name: str, request: Any) -> Any:
        """Calls one of the services of which the action is made."""
        client = self.client_node.create_client(kind, f"gripper/_action/{name}")
        assert client.wait_for_service(timeout_sec=DEADLINE_S)
        return self.result_of(client.call_async(request))

    def close(self) -> None:
        self.executor.shutdown()
        for node in (self.server_node, self.client_node):
            node.destroy_node()
        self.context.shutdown()


@pytest.fixture
def arena() -> Iterator[Arena]:
    arena = Arena()
    yield arena
    arena.close()


@pytest.fixture
def threaded() -> Iterator[Arena]:
    arena = Arena(MultiThreadedExecutor, num_threads=4)
    yield arena
    arena.close()


@pytest.mark.parametrize("executor", ["arena", "threaded"])
@pytest.mark.parametrize("is_coroutine", [False, True])
def test_goal_with_feedback_succeeds(executor: str, is_coroutine: bool, request: pytest.FixtureRequest) -> None:
    arena: Arena = request.getfixturevalue(executor)

    def execute(goal_handle: Any) -> Any:
        assert goal_handle.status == GoalStatus.STATUS_EXECUTING
        for step in (1, 2, 3):
            goal_handle.publish_feedback(Feedback(position=0.1 * step))
        return succeed(goal_handle)

    async def execute_later(goal_handle: Any) -> Any:
        return execute(goal_handle)

    arena.serve(execute_later if is_coroutine else execute)
    client = arena.client()
    heard: list[float] = []
    handle = arena.send(client, wide(0.3), feedback_callback=lambda m: heard.append(m.feedback.position))
    assert handle.accepted
    assert handle.stamp.sec > 0
    arena.until(lambda: len(heard) == 3)
    response = arena.result_of(handle.get_result_async())
    assert response.status == GoalStatus.STATUS_SUCCEEDED
    assert response.result == Result(position=0.3, reached_goal=True)
    assert sorted(heard) == [0.1, 0.2, pytest.approx(0.3)]
    arena.until(lambda: handle.status == GoalStatus.STATUS_SUCCEEDED)


def test_execute_may_await_what_another_callback_sets(arena: Arena) -> None:
    opened = Future()

    async def execute(goal_handle: Any) -> Any:
        assert await opened == "open"
        return succeed(goal_handle)

    arena.serve(execute)
    handle = arena.send(arena.client(), wide(0.2))
    result = handle.get_result_async()
    timer = arena.server_node.create_timer(0.05, lambda: opened.set_result("open"))
    assert arena.result_of(result).result.position == 0.2
    arena.server_node.destroy_timer(timer)


def test_rejected_goal(arena: Arena) -> None:
    executed: list[Any] = []
    arena.serve(executed.append, goal_callback=lambda goal: GoalResponse.REJECT)
    handle = arena.send(arena.client(), wide(9.0))
    assert not handle.accepted
    assert arena.result_of(handle.get_result_async()).status == GoalStatus.STATUS_UNKNOWN
    assert executed == []


def test_goal_callback_that_returns_nothing_rejects(arena: Arena) -> None:
    arena.serve(goal_callback=lambda goal: None)
    assert not arena.send(arena.client(), wide(0.1)).accepted


def abort(goal_handle: Any) -> Any:
    goal_handle.abort()
    return Result(stalled=True)


def forget(goal_handle: Any) -> Any:
    return Result(stalled=True)


def fail(goal_handle: Any) -> Any:
    raise ValueError("fingers jammed")


@pytest.mark.parametrize(
    ("execute", "result"), [(abort, Result(stalled=True)), (forget, Result(stalled=True)), (fail, Result())]
)
def test_aborted_goal(arena: Arena, execute: Callable[[Any], Any], result: Any) -> None:
    arena.serve(execute)
    handle = arena.send(arena.client(), wide(0.1))
    response = arena.result_of(handle.get_result_async())
    assert (response.status, response.result) == (GoalStatus.STATUS_ABORTED, result)


def test_accepted_cancel_request(threaded: Arena) -> None:
    asked = threading.Event()
    states: list[tuple[int, bool, bool]] = []

    def execute(goal_handle: Any) -> Any:
        assert asked.wait(DEADLINE_S)
        while not goal_handle.is_cancel_requested:
            time.sleep(0.001)
        goal_handle.canceled()
        states.append((goal_handle.status, goal_handle.is_active, goal_handle.is_cancel_requested))
        return Result(position=0.05)

    def cancel(goal_handle: Any) -> CancelResponse:
        asked.set()
        return CancelResponse.ACCEPT

    threaded.serve(execute, cancel_callback=cancel, callback_group=ReentrantCallbackGroup())
    handle = threaded.send(threaded.client(), wide(0.1))
    result = handle.get_result_async()
    response = threaded.result_of(handle.cancel_goal_async())
    assert response.return_code == CancelGoal.Response.ERROR_NONE
    assert [info.goal_id for info in response.goals_canceling] == [handle.goal_id]
    answer = threaded.result_of(result)
    assert (answer.status, answer.result.position) == (GoalStatus.STATUS_CANCELED, 0.05)
    assert states == [(GoalStatus.STATUS_CANCELED, False, False)]


def test_cancel_request_before_the_execution(arena: Arena) -> None:
    waiting: list[Any] = []
    arena.serve(
        lambda goal_handle: goal_handle.canceled() or Result(),
        handle_accepted_callback=waiting.append,
        cancel_callback=lambda goal_handle: CancelResponse.ACCEPT,
    )
    handle = arena.send(arena.client(), wide(0.1))
    arena.until(lambda: waiting)
    assert waiting[0].status == GoalStatus.STATUS_ACCEPTED
    assert len(arena.result_of(handle.cancel_goal_async()).goals_canceling) == 1
    waiting[0].execute()
    assert arena.result_of(handle.get_result_async()).status == GoalStatus.STATUS_CANCELED


def test_rejected_cancel_request(arena: Arena) -> None:
    go_on = Future()

    async def execute(goal_handle: Any) -> Any:
        await go_on
        return succeed(goal_handle)

    arena.serve(execute)
    handle = arena.send(arena.client(), wide(0.1))
    assert list(arena.result_of(handle.cancel_goal_async()).goals_canceling) == []
    go_on.set_result(None)
    assert arena.result_of(handle.get_result_async()).status == GoalStatus.STATUS_SUCCEEDED


def test_cancel_requests_that_name_no_running_goal(arena: Arena) -> None:
    arena.serve(cancel_callback=lambda goal_handle: CancelResponse.ACCEPT)
    handle = arena.send(arena.client(), wide(0.1))
    arena.result_of(handle.get_result_async())
    response = arena.result_of(handle.cancel_goal_async())
    assert response.return_code == CancelGoal.Response.ERROR_GOAL_TERMINATED
    request = CancelGoal.Request()
    request.goal_info.goal_id = new_id()
    response = arena.call(CancelGoal, "cancel_goal", request)
    assert response.return_code == CancelGoal.Response.ERROR_UNKNOWN_GOAL_ID


def test_cancel_request_for_all_goals(arena: Arena) -> None:
    waiting: list[Any] = []
    arena.serve(handle_accepted_callback=waiting.append, cancel_callback=lambda goal_handle: CancelResponse.ACCEPT)
    client = arena.client()
    handles = [arena.send(client, wide(position)) for position in (0.1, 0.2, 0.3)]
    arena.until(lambda: len(waiting) == 3)
    response = arena.call(CancelGoal, "cancel_goal", CancelGoal.Request())
    assert [info.goal_id for info in response.goals_canceling] == [handle.goal_id for handle in handles]
    assert all(goal_handle.is_cancel_requested for goal_handle in waiting)


def test_cancel_request_for_goals_up_to_a_stamp(arena: Arena) -> None:
    waiting: list[Any] = []
    arena.serve(handle_accepted_callback=waiting.append, cancel_callback=lambda goal_handle: CancelResponse.ACCEPT)
    client = arena.client()
    first, second, third = (arena.send(client, wide(position)) for position in (0.1, 0.2, 0.3))
    arena.until(lambda: len(waiting) == 3)
    request = CancelGoal.Request()
    request.goal_info.stamp = Time(nanoseconds=Time.from_msg(second.stamp).nanoseconds - 1).to_msg()
    request.goal_info.goal_id = third.goal_id
    canceling = arena.call(CancelGoal, "cancel_goal", request).goals_canceling
    assert [info.goal_id for info in canceling] == [first.goal_id, third.goal_id]
    assert [goal_handle.is_cancel_requested for goal_handle in waiting] == [True, False, True]


def test_result_of_an_unknown_goal(arena: Arena) -> None:
    arena.serve()
    kind = GripperCommand.Impl.GetResultService
    response = arena.call(kind, "get_result", kind.Request(goal_id=new_id()))
    assert response.status == GoalStatus.STATUS_UNKNOWN


def test_result_is_forgotten_after_its_time(arena: Arena) -> None:
    arena.serve(result_timeout=1)
    handle = arena.send(arena.client(), wide(0.1))
    assert arena.result_of(handle.get_result_async()).status == GoalStatus.STATUS_SUCCEEDED
    arena.until(lambda: arena.result_of(handle.get_result_async()).status == GoalStatus.STATUS_UNKNOWN)


def test_two_goals_at_once_keep_apart(arena: Arena) -> None:
    waiting: list[Any] = []
    go_on = Future()

    async def execute(goal_handle: Any) -> Any:
        goal_handle.publish_feedback(Feedback(position=goal_handle.request.command.position))
        await go_on
        return succeed(goal_handle)

    arena.serve(execute, handle_accepted_callback=waiting.append)
    client = arena.client()
    heard: dict[float, list[float]] = {0.1: [], 0.2: []}
    results = {}
    for position, own in heard.items():
        handle = arena.send(client, wide(position), feedback_callback=lambda m, o=own: o.append(m.feedback.position))
        results[position] = handle.get_result_async()
    arena.until(lambda: len(waiting) == 2)
    for goal_handle in reversed(waiting):
        goal_handle.execute()
    arena.until(lambda: all(heard.values()))
    assert heard == {0.1: [0.1], 0.2: [0.2]}
    go_on.set_result(None)
    for position, future in results.items():
        assert arena.result_of(future).result.position == position


def test_second_goal_of_the_same_identity_is_rejected(arena: Arena) -> None:
    arena.serve()
    client, identity = arena.client(), new_id()
    assert arena.send(client, wide(0.1), goal_uuid=identity).goal_id == identity
    assert not arena.send(client, wide(0.2), goal_uuid=identity).accepted


def test_states_that_do_not_follow_are_refused(arena: Arena) -> None:
    refused: list[str] = []

    def execute(goal_handle: Any) -> Any:
        for change in (goal_handle.canceled, goal_handle.succeed, goal_handle.abort):
            try:
                change()
            except RCLError as error:
                refused.append(str(error))
        return Result()

    arena.serve(execute)
    handle = arena.send(arena.client(), wide(0.1))
    assert arena.result_of(handle.get_result_async()).status == GoalStatus.STATUS_SUCCEEDED
    assert len(refused) == 2
    assert "EXECUTING" in refused[0]
    assert "SUCCEEDED" in refused[1]


def test_wrong_types_are_refused(arena: Arena) -> None:
    def execute(goal_handle: Any) -> Any:
        with pytest.raises(TypeError):
            goal_handle.publish_feedback(Result())
        return succeed(goal_handle)

    arena.serve(execute)
    client = arena.client()
    with pytest.raises(TypeError):
        client.send_goal_async(FollowJointTrajectory.Goal())
    handle = arena.send(client, wide(0.1))
    assert arena.result_of(handle.get_result_async()).status == GoalStatus.STATUS_SUCCEEDED
    with pytest.raises(TypeError):
        arena.serve(execute=None)


def test_late_listener_hears_the_states(arena: Arena) -> None:
    arena.serve()
    handle = arena.send(arena.client(), wide(0.1))
    arena.result_of(handle.get_result_async())
    heard: list[GoalStatusArray] = []
    topic = "gripper/_action/status"
    arena.client_node.create_subscription(GoalStatusArray, topic, heard.append, qos_profile_action_status_default)
    arena.until(lambda: heard)
    (entry,) = heard[-1].status_list
    assert (entry.goal_info.goal_id, entry.status) == (handle.goal_id, GoalStatus.STATUS_SUCCEEDED)


def test_trajectory_goal_arrives_whole(arena: Arena) -> None:
    received: list[Any] = []

    def execute(goal_handle: Any) -> Any:
        received.append(goal_handle.request)
        goal_handle.abort()
        kind = FollowJointTrajectory.Result
        return kind(error_code=kind.GOAL_TOLERANCE_VIOLATED, error_string="joint 'a' is off by 0.2 rad")

    ActionServer(arena.server_node, FollowJointTrajectory, "follow", execute)
    client = ActionClient(arena.client_node, FollowJointTrajectory, "follow")
    assert client.wait_for_server(timeout_sec=DEADLINE_S)
    goal = FollowJointTrajectory.Goal()
    goal.trajectory.joint_names = ["a", "b"]
    goal.trajectory.points = [JointTrajectoryPoint(positions=[0.1, 0.2], velocities=[0.0, 0.0])]
    goal.goal_time_tolerance.nanosec = 5
    response = arena.result_of(arena.send(client, goal).get_result_async())
    assert received == [goal]
    assert response.result.error_code == -5
    assert response.result.error_string == "joint 'a' is off by 0.2 rad"


def test_result_may_be_waited_for_in_a_thread_of_its_own(arena: Arena) -> None:
    arena.serve()
    client = arena.client()
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(client.send_goal(wide(0.4))))
    thread.start()
    arena.until(lambda: results)
    thread.join(DEADLINE_S)
    assert (results[0].status, results[0].result.position) == (GoalStatus.STATUS_SUCCEEDED, 0.4)


def test_execute_may_call_a_service_of_its_own_node(arena: Arena) -> None:
    client = arena.server_node.create_client(Trigger, "light")

    def light(request: Any, response: Any) -> Any:
        response.message = "on"
        return response

    async def execute(goal_handle: Any) -> Any:
        answer = await client.call_async(Trigger.Request())
        assert answer.message == "on"
        return succeed(goal_handle)

    arena.client_node.create_service(Trigger, "light", light)
    assert client.wait_for_service(timeout_sec=DEADLINE_S)
    arena.serve(execute)
    handle = arena.send(arena.client(), wide(0.1))
    assert arena.result_of(handle.get_result_async()).status == GoalStatus.STATUS_SUCCEEDED


def test_server_gone(arena: Arena) -> None:
    server = arena.serve()
    client = arena.client()
    server.destroy()
    arena.until(lambda: not client.server_is_ready())
    assert not client.wait_for_server(timeout_sec=0.1)
    arena.serve()
    assert arena.send(arena.client(), wide(0.1)).accepted
    client.destroy()


def test_actions_show_in_the_graph(arena: Arena) -> None:
    arena.serve()
    arena.client()
    arena.until(lambda: ("/gripper", [TYPE]) in get_action_names_and_types(arena.client_node))
    for find, name, other in (
        (get_action_server_names_and_types_by_node, "server", "client"),
        (get_action_client_names_and_types_by_node, "client", "server"),
    ):
        arena.until(lambda find=find, name=name: find(arena.client_node, name, "/") == [("/gripper", [TYPE])])
        assert find(arena.client_node, other, "/") == []


def test_names_and_types_on_the_wire_are_those_of_ros(arena: Arena) -> None:
    """Topics `rq/` and `rr/` for the services, `rt/` for feedback and states, with the types that ROS 2 derives."""
    arena.serve()
    arena.client()
    action, common = "control_msgs::action::dds_::GripperCommand_", "action_msgs::"
    expected = {
        ("rq/gripper/_action/send_goalRequest", action + "SendGoal_Request_"),
        ("rr/gripper/_action/send_goalReply", action + "SendGoal_Response_"),
        ("rq/gripper/_action/cancel_goalRequest", common + "srv::dds_::CancelGoal_Request_"),
        ("rr/gripper/_action/cancel_goalReply", common + "srv::dds_::CancelGoal_Response_"),
        ("rq/gripper/_action/get_resultRequest", action + "GetResult_Request_"),
        ("rr/gripper/_action/get_resultReply", action + "GetResult_Response_"),
        ("rt/gripper/_action/feedback", action + "FeedbackMessage_"),
        ("rt/gripper/_action/status", common + "msg::dds_::GoalStatusArray_"),
    }

    def found() -> set[tuple[str, str]]:
        topics = arena.client_node.get_topic_names_and_types(no_demangle=True)
        return {(name, kind) for name, kinds in topics for kind in kinds if "/_action/" in name}

    arena.until(lambda: len(found()) == len(expected))
    assert found() == expected


@pytest.mark.parametrize("what", ["server", "node"])
def test_server_or_node_destroyed_while_a_goal_goes_on(threaded: Arena, what: str) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def execute(goal_handle: Any) -> Any:
        begun.set()
        assert go_on.wait(DEADLINE_S)
        goal_handle.publish_feedback(Feedback())
        result = succeed(goal_handle)
        ended.set()
        return result

    server = threaded.serve(execute)
    threaded.send(threaded.client(), wide(0.1))
    threaded.until(begun.is_set)
    server.destroy() if what == "server" else threaded.server_node.destroy_node()
    go_on.set()
    threaded.until(ended.is_set)


def test_server_in_another_process(arena: Arena) -> None:
    environment = os.environ | {
        "ROS_DOMAIN_ID": str(arena.domain),
        "PYTHONPATH": f"{PEER.parents[2]}:{os.environ.get('PYTHONPATH', '')}",
    }
    client = ActionClient(arena.client_node, GripperCommand, "gripper")
    assert not client.server_is_ready()
    for _ in range(2):
        peer = subprocess.Popen([sys.executable, str(PEER), "gripper"], env=environment, stdout=subprocess.PIPE)
        try:
            assert client.wait_for_server(timeout_sec=DEADLINE_S)
            heard: list[float] = []
            handle = arena.send(client, wide(0.4), feedback_callback=lambda m, h=heard: h.append(m.feedback.position))
            arena.until(lambda h=heard: h == [0.2])
            response = arena.result_of(handle.get_result_async())
            assert response.result == Result(position=0.4, reached_goal=True)
        finally:
            peer.terminate()
            peer.communicate(timeout=DEADLINE_S)
        arena.until(lambda: not client.server_is_ready())
