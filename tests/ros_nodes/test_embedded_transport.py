"""The embedded rclpy between two processes: topics, services, lifecycle, graph, signals."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # isort: skip
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import Trigger

PEER = Path(__file__).with_name("embedded_peer.py")
DEADLINE_S = 40.0


class System:
    """A node of the test in a domain of its own, and the peers that it starts."""

    def __init__(self) -> None:
        self.domain = random.SystemRandom().randrange(100, 200)
        self.context = rclpy.Context()
        rclpy.init(context=self.context, args=[], domain_id=self.domain)
        self.node = Node("test", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.peers: list[subprocess.Popen[str]] = []

    def start(self, role: str, *arguments: str) -> subprocess.Popen[str]:
        """Starts a peer and waits until it is ready."""
        root = PEER.parents[2]
        environment = os.environ | {
            "ROS_DOMAIN_ID": str(self.domain),
            "PYTHONPATH": f"{root}:{os.environ.get('PYTHONPATH', '')}",
        }
        command = [sys.executable, str(PEER), role, *arguments]
        peer = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
        )
        self.peers.append(peer)
        assert peer.stdout is not None
        said = iter(peer.stdout.readline, "")
        assert any(line.strip() == "ready" for line in said), f"peer {role} did not start"
        return peer

    def until(self, condition: Callable[[], Any]) -> None:
        """Spins until the condition holds."""
        end = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end, "the condition was not met in time"
            self.executor.spin_once(timeout_sec=0.1)

    def call(self, client: Any, request: Any) -> Any:
        """Calls a service and returns its answer."""
        assert client.wait_for_service(timeout_sec=DEADLINE_S)
        future = client.call_async(request)
        self.executor.spin_until_future_complete(future, DEADLINE_S)
        assert future.done()
        return future.result()

    def close(self) -> None:
        for peer in self.peers:
            peer.kill()
            peer.communicate()
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.shutdown()


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


@pytest.fixture
def system() -> Iterator[System]:
    system = System()
    yield system
    system.close()


def test_images_and_strings_go_there_and_back(system: System) -> None:
    images: list[Image] = []
    strings: list[String] = []
    system.node.create_subscription(Image, "image_out", images.append, 10)
    system.node.create_subscription(String, "string_out", strings.append, 10)
    image_in = system.node.create_publisher(Image, "image_in", 10)
    string_in = system.node.create_publisher(String, "string_in", 10)
    system.start("echo")
    system.until(lambda: image_in.get_subscription_count() and string_in.get_subscription_count())
    system.until(lambda: system.node.count_publishers("image_out") and system.node.count_publishers("string_out"))
    image = Image(height=224, width=224, encoding="rgb8", step=672, data=random.Random(0).randbytes(224 * 224 * 3))
    image.header.stamp.sec = 7

    def send_until_back() -> bool:
        if not images:
            image_in.publish(image)
        if not strings:
            string_in.publish(String(data="grüße"))
        return bool(images and strings)

    system.until(send_until_back)
    assert images[0] == image
    assert strings[0] == String(data="grüße")


def test_wrong_type_is_refused_by_publish(system: System) -> None:
    publisher = system.node.create_publisher(String, "text", 10)
    with pytest.raises(TypeError, match="String.*Image"):
        publisher.publish(Image())


def test_late_subscriber_gets_the_latched_message(system: System) -> None:
    system.start("latched")
    got: list[String] = []
    profile = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    system.node.create_subscription(String, "latched", got.append, profile)
    system.until(lambda: got)
    assert got == [String(data="kept")]


def test_incompatible_qos_is_said(system: System, capfd: pytest.CaptureFixture[str]) -> None:
    system.node.create_subscription(String, "fast", lambda message: None, 10)
    system.start("best_effort")
    said = ""

    def is_said() -> bool:
        nonlocal said
        said += capfd.readouterr().err
        return "incompatible QoS" in said

    system.until(is_said)
    assert "fast'" in said
    assert "RELIABILITY" in said


def test_service_with_namespace_remap_and_parameter(system: System) -> None:
    options = ("-r", "__ns:=/left", "-r", "__node:=renamed", "-r", "greet:=welcome", "-p", "greeting:=hi")
    system.start("service", "--ros-args", *options)
    client = system.node.create_client(Trigger, "/left/welcome")
    for _ in range(3):
        answer = system.call(client, Trigger.Request())
        assert (answer.success, answer.message) == (True, "hi from /left/renamed")
    system.until(lambda: ("renamed", "/left") in system.node.get_node_names_and_namespaces())
    assert ("/left/welcome", ["std_srvs/srv/Trigger"]) in system.node.get_service_names_and_types()


def test_missing_service_is_not_ready(system: System) -> None:
    client = system.node.create_client(Trigger, "nobody")
    assert not client.wait_for_service(timeout_sec=0.1)


def test_lifecycle_services(system: System) -> None:
    system.start("managed")
    change = system.node.create_client(ChangeState, "/peer/change_state")
    state = system.node.create_client(GetState, "/peer/get_state")
    steps = [
        (Transition(id=Transition.TRANSITION_CONFIGURE), False, "unconfigured"),
        (Transition(id=Transition.TRANSITION_CONFIGURE), True, "inactive"),
        (Transition(label="configure"), False, "inactive"),
        (Transition(id=Transition.TRANSITION_ACTIVATE), True, "active"),
        (Transition(id=Transition.TRANSITION_ACTIVE_SHUTDOWN), True, "finalized"),
    ]
    for transition, success, label in steps:
        request = ChangeState.Request(transition=transition)
        assert system.call(change, request).success is success
        assert system.call(state, GetState.Request()).current_state.label == label


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "ended")])
def test_signals_end_a_spinning_process(system: System, number: signal.Signals, expected: str) -> None:
    peer = system.start("echo")
    peer.send_signal(number)
    assert _line(peer.stdout) == expected
    assert peer.wait(DEADLINE_S) == 0


def test_killed_peer_disappears(system: System) -> None:
    publisher = system.node.create_publisher(String, "string_in", 10)
    peer = system.start("echo")
    system.until(lambda: publisher.get_subscription_count() == 1)
    system.until(lambda: "peer" in system.node.get_node_names())
    peer.terminate()
    system.until(lambda: publisher.get_subscription_count() == 0)
    system.until(lambda: "peer" not in system.node.get_node_names())


def test_callback_flood_does_not_delay_another_thread_group() -> None:
    from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
    from rclpy.executors import MultiThreadedExecutor

    context = rclpy.Context()
    rclpy.init(context=context, args=[], domain_id=random.SystemRandom().randrange(100, 200))
    node = Node("groups", context=context)
    release, ticked = threading.Event(), threading.Event()
    node.create_timer(0.001, release.wait)
    node.create_timer(0.001, ticked.set, callback_group=MutuallyExclusiveCallbackGroup())
    executor = MultiThreadedExecutor(2, context=context)
    executor.add_node(node)
    spinning = threading.Thread(target=executor.spin)
    spinning.start()
    try:
        assert ticked.wait(DEADLINE_S), "a blocked callback held up one of another group"
    finally:
        release.set()
        context.shutdown()
        spinning.join(DEADLINE_S)
        executor.shutdown()
        node.destroy_node()
    assert not spinning.is_alive()
