"""Executors: coroutines as callbacks, tasks, groups and the end of spinning, written against rclpy's API."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # isort: skip
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import Trigger

DEADLINE_S = 30.0


class Place:
    """A node in a domain of its own with an executor."""

    def __init__(self) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context, args=[], domain_id=random.SystemRandom().randrange(100, 200))
        self.node = Node("place", context=self.context)
        self.executor: Any = None

    def use(self, executor: type, **options: Any) -> Any:
        self.executor = executor(context=self.context, **options)
        self.executor.add_node(self.node)
        return self.executor

    def until(self, condition: Callable[[], Any]) -> None:
        """Spins until the condition holds."""
        end = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end, "the condition was not met in time"
            self.executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place()
    yield place
    place.close()


@pytest.fixture(params=["single", "multi"])
def either(place: Place, request: pytest.FixtureRequest) -> Place:
    """A place with each of the executors."""
    if request.param == "single":
        place.use(SingleThreadedExecutor)
    else:
        place.use(MultiThreadedExecutor, num_threads=3)
    return place


def test_callbacks_may_await_a_service(either: Place) -> None:
    """A subscription's callback awaits a service whose callback awaits another service."""
    node, heard = either.node, []
    group = ReentrantCallbackGroup()
    inner_client = node.create_client(Trigger, "inner", callback_group=group)
    outer_client = node.create_client(Trigger, "outer", callback_group=group)

    def inner(request: Any, response: Any) -> Any:
        response.message = "deep"
        return response

    async def outer(request: Any, response: Any) -> Any:
        answer = await inner_client.call_async(Trigger.Request())
        response.message = answer.message + "er"
        return response

    async def hear(message: String) -> None:
        answer = await outer_client.call_async(Trigger.Request())
        heard.append(message.data + answer.message)

    node.create_service(Trigger, "inner", inner, callback_group=group)
    node.create_service(Trigger, "outer", outer, callback_group=group)
    node.create_subscription(String, "words", hear, 10)
    publisher = node.create_publisher(String, "words", 10)
    either.until(lambda: publisher.get_subscription_count() and outer_client.service_is_ready())
    either.until(inner_client.service_is_ready)
    publisher.publish(String(data="how "))
    either.until(lambda: heard)
    assert heard == ["how deeper"]


def test_exclusive_group_is_held_while_its_coroutine_awaits(either: Place) -> None:
    node, gate, order = either.node, Future(), []
    exclusive = MutuallyExclusiveCallbackGroup()

    async def first() -> None:
        starter.cancel()
        order.append("begin")
        await gate
        order.append("end")

    starter = node.create_timer(0.01, first, callback_group=exclusive)
    either.until(lambda: order)
    node.create_timer(0.001, lambda: order.append("held"), callback_group=exclusive)
    ticks: list[int] = []
    node.create_timer(0.001, lambda: ticks.append(1), callback_group=MutuallyExclusiveCallbackGroup())
    either.until(lambda: len(ticks) > 20)
    assert order == ["begin"]
    gate.set_result(None)
    either.until(lambda: "held" in order)
    assert order[:3] == ["begin", "end", "held"]


def test_tasks_get_arguments_and_give_results(either: Place) -> None:
    gate = Future()

    async def later(word: str, times: int = 1) -> str:
        return word * times + await gate

    task = either.executor.create_task(later, "a", times=3)
    plain = either.executor.create_task(max, 3, 4)
    either.executor.spin_until_future_complete(plain, DEADLINE_S)
    assert plain.result() == 4
    assert not task.done()
    gate.set_result("!")
    either.executor.spin_until_future_complete(task, DEADLINE_S)
    assert task.result() == "aaa!"


def test_waiting_task_lets_others_run(either: Place) -> None:
    """A coroutine that looks for a condition itself holds up neither timers nor other tasks."""
    ticks: list[int] = []

    class Turn:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def look() -> int:
        while len(ticks) < 5:
            await Turn()
        return len(ticks)

    task = either.executor.create_task(look())
    either.node.create_timer(0.005, lambda: ticks.append(1))
    either.executor.spin_until_future_complete(task, DEADLINE_S)
    assert task.result() >= 5


def test_errors_of_callbacks_and_tasks_leave_spin(either: Place) -> None:
    async def fail() -> None:
        raise ValueError("from a task")

    def fail_plainly() -> None:
        timer.cancel()
        raise ValueError("from a timer")

    task = either.executor.create_task(fail)
    with pytest.raises(ValueError, match="from a task"):
        either.until(lambda: False)
    assert isinstance(task.exception(), ValueError)
    timer = either.node.create_timer(0.001, fail_plainly)
    with pytest.raises(ValueError, match="from a timer"):
        either.until(lambda: False)


def test_done_callbacks_of_answers_run_in_the_executor(either: Place) -> None:
    node, threads = either.node, []
    node.create_service(Trigger, "answer", lambda request, response: response)
    client = node.create_client(Trigger, "answer", callback_group=MutuallyExclusiveCallbackGroup())
    either.until(client.service_is_ready)
    future = client.call_async(Trigger.Request())
    future.add_done_callback(lambda f: threads.append((f.result(), threading.current_thread())))
    either.until(lambda: threads)
    answer, thread = threads[0]
    assert answer == Trigger.Response()
    in_main = thread is threading.main_thread()
    assert in_main is isinstance(either.executor, SingleThreadedExecutor)


def test_cancelled_call_calls_back_and_gets_no_answer(place: Place) -> None:
    place.use(SingleThreadedExecutor)
    place.node.create_service(Trigger, "answer", lambda request, response: response)
    client = place.node.create_client(Trigger, "answer")
    place.until(client.service_is_ready)
    future, next_one = client.call_async(Trigger.Request()), client.call_async(Trigger.Request())
    told: list[bool] = []
    future.add_done_callback(lambda f: told.append(f.cancelled()))
    future.cancel()
    place.executor.spin_until_future_complete(next_one, DEADLINE_S)
    assert told == [True]
    assert not future.done()


def test_exclusive_callbacks_never_overlap_under_a_flood(place: Place) -> None:
    place.use(MultiThreadedExecutor, num_threads=4)
    group, lock = MutuallyExclusiveCallbackGroup(), threading.Lock()
    overlaps, counts = [], {"a": 0, "b": 0}

    def receive(name: str) -> None:
        if not lock.acquire(blocking=False):
            overlaps.append(name)
            return
        counts[name] += 1
        time.sleep(0.0005)
        lock.release()

    publishers = []
    for name in counts:
        place.node.create_subscription(String, name, lambda m, n=name: receive(n), 1000, callback_group=group)
        publishers.append(place.node.create_publisher(String, name, 1000))
    place.until(lambda: all(publisher.get_subscription_count() for publisher in publishers))
    for _ in range(200):
        for publisher in publishers:
            publisher.publish(String(data="x"))
    place.until(lambda: sum(counts.values()) + len(overlaps) == 400)
    assert overlaps == []
    assert counts == {"a": 200, "b": 200}


def test_reentrant_callbacks_run_at_the_same_time(place: Place) -> None:
    place.use(MultiThreadedExecutor, num_threads=3)
    meeting = threading.Barrier(2)
    met: list[int] = []

    def meet(message: String) -> None:
        meeting.wait(DEADLINE_S)
        met.append(1)

    place.node.create_subscription(String, "meet", meet, 10, callback_group=ReentrantCallbackGroup())
    publisher = place.node.create_publisher(String, "meet", 10)
    place.until(publisher.get_subscription_count)
    for _ in range(2):
        publisher.publish(String())
    place.until(lambda: len(met) == 2)


def test_shutdown_of_the_context_ends_spin(place: Place) -> None:
    place.use(SingleThreadedExecutor)
    ended: list[type | None] = []

    def spin() -> None:
        try:
            place.executor.spin()
            ended.append(None)
        except ExternalShutdownException as error:
            ended.append(type(error))

    ready = threading.Event()
    place.node.create_timer(0.001, ready.set)
    thread = threading.Thread(target=spin)
    thread.start()
    assert ready.wait(DEADLINE_S)
    place.context.shutdown()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert ended in ([None], [ExternalShutdownException])
