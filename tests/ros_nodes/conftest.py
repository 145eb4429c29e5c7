"""Node processes on a DDS domain of their own, and a node of the test that talks with them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)
from robot_wm.deploy.bundle import default_bundle

ROOT = Path(__file__).parents[2]
END_S = 40.0
"""A node that gets SIGINT while it still starts on a busy computer ends once it has come so far."""


class Processes:
    """Starts nodes as processes, keeps their output and ends them."""

    def __init__(self, folder: Path, domain: int) -> None:
        self._folder, self._running = folder, dict[str, subprocess.Popen]()
        self._environment = os.environ | {"ROS_DOMAIN_ID": str(domain), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
        self._environment["PYTHONFAULTHANDLER"] = "1"

    def start(self, node: str, *, namespace: str = "", **parameters: Any) -> None:
        """Starts one node with `autostart`; in a namespace it is known as `namespace/node` from then on."""
        command = [sys.executable, "-m", f"ros_nodes.{node}", "--ros-args"]
        if namespace:
            command, node = [*command, "-r", f"__ns:=/{namespace}"], f"{namespace}/{node}"
            (self._folder / namespace).mkdir(exist_ok=True)
        for name, value in ({"autostart": True, "diagnostics_rate": 5.0} | parameters).items():
            command += ["-p", f"{name}:={value}"]
        with (self._folder / f"{node}.log").open("ab") as log:
            self._running[node] = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )

    def kill(self, node: str) -> None:
        """Ends one node at once, as a crash would."""
        process = self._running.pop(node)
        process.kill()
        process.wait(5.0)

    def interrupt(self, node: str) -> None:
        """Ends one node with SIGINT, as Ctrl-C does, and checks that it ended well."""
        process = self._running.pop(node)
        process.send_signal(signal.SIGINT)
        assert process.wait(END_S) == 0, self.log(node)

    def is_running(self, node: str) -> bool:
        return self._running[node].poll() is None

    def log(self, node: str) -> str:
        """What a node has printed so far."""
        return (self._folder / f"{node}.log").read_text(encoding="utf-8", errors="replace")

    def stop_all(self) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGINT)
        for node, process in self._running.items():
            try:
                process.wait(END_S / 2)
                continue
            except subprocess.TimeoutExpired:
                process.terminate()  # as a launch system does with what SIGINT has not ended
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGABRT)  # has it write what each thread does into its log
                process.wait(5.0)
                pytest.fail(f"{node} did not end within {END_S} s of SIGINT; its last words: {self.log(node)[-8000:]}")


class Peer:
    """A node of the test: keeps what arrives, publishes and calls services; spins in a thread."""

    def __init__(self, domain: int) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node("test_peer", context=self.context)
        self.received: dict[str, list[tuple[float, Any]]] = defaultdict(list)
        self.health: dict[str, dict[str, str]] = {}
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._closing = False
        self._watch_health()
        self._thread.start()

    def _spin(self) -> None:
        while not self._closing:
            self._executor.spin_once(timeout_sec=0.1)

    def _watch_health(self) -> None:
        from diagnostic_msgs.msg import DiagnosticArray

        from ros_nodes.diagnostics import read_values

        def note(message: DiagnosticArray) -> None:
            for entry in message.status:
                self.health[entry.name] = read_values(message, entry.name) or {}

        self.node.create_subscription(DiagnosticArray, "/diagnostics", note, 20)

    def watch(self, kind: type, topic: str, qos: Any) -> list[tuple[float, Any]]:
        """The list that grows by (monotonic time, message) with every message of a topic."""
        received = self.received[topic]
        self.node.create_subscription(kind, topic, lambda m: received.append((time.monotonic(), m)), qos)
        return received

    def until(self, condition: Callable[[], Any], timeout_s: float = 30.0, what: Callable[[], str] = str) -> None:
        """Waits for a condition; fails with `what()` after the deadline."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"condition not met in {timeout_s} s; health: {self.health}; {what()}")
            time.sleep(0.01)

    def until_health(self, node: str, text: str, timeout_s: float = 30.0, what: Callable[[], str] = str) -> None:
        """Waits until a node's diagnostics message holds a text."""
        self.until(lambda: text in self.health.get(node, {}).get("message", ""), timeout_s, what)

    def until_active(self, *nodes: str, timeout_s: float = 45.0, what: Callable[[], str] = str) -> None:
        """Waits until nodes are active."""
        self.until(lambda: all(self.health.get(n, {}).get("lifecycle") == "active" for n in nodes), timeout_s, what)

    def call(self, kind: Any, name: str, request: Any, timeout_s: float = 10.0) -> Any:
        """Calls a service and returns its response."""
        client = self.node.create_client(kind, name)
        assert client.wait_for_service(timeout_sec=10.0), f"nobody offers {name}"
        future = client.call_async(request)
        self.until(future.done, timeout_s, lambda: f"{name} did not answer")
        self.node.destroy_client(client)
        return future.result()

    def trigger(self, name: str, timeout_s: float = 10.0) -> Any:
        """Calls a Trigger service and returns its response."""
        from std_srvs.srv import Trigger

        return self.call(Trigger, name, Trigger.Request(), timeout_s)

    def close(self) -> None:
        import rclpy

        self._closing = True
        self._thread.join(5.0)
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)


class Contexts:
    """Nodes in contexts of their own, as in processes of their own; all are spun by `until`."""

    def __init__(self, domain: int) -> None:
        self._domain = domain
        self._made: list[tuple[Any, Any, Any]] = []

    def make(self, name: str, *arguments: str, **options: Any) -> Any:
        """A node `name` with a command line."""
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        context = rclpy.Context()
        rclpy.init(context=context, args=list(arguments), domain_id=self._domain)
        node = rclpy.create_node(name, context=context, **options)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        self._made.append((context, node, executor))
        return node

    def until(self, condition: Callable[[], Any], timeout_s: float = 30.0) -> Any:
        """Spins all nodes until the condition holds; returns what it returned."""
        deadline = time.monotonic() + timeout_s
        while not (found := condition()):
            assert time.monotonic() < deadline, "the condition was not met in time"
            for _, _, executor in self._made:
                executor.spin_once(timeout_sec=0.01)
        return found

    def result(self, future: Any) -> Any:
        """Spins until a future is done; its result."""
        self.until(future.done)
        return future.result()

    def close(self) -> None:
        import rclpy

        for context, node, executor in self._made:
            executor.shutdown()
            node.destroy_node()
            rclpy.try_shutdown(context=context)


@pytest.fixture
def contexts() -> Iterator[Contexts]:
    """Makes nodes that see each other over DDS and nobody else."""
    contexts = Contexts(random.SystemRandom().randrange(100, 200))
    yield contexts
    contexts.close()


@pytest.fixture
def spin() -> Iterator[Callable[..., Any]]:
    """Runs a node's callbacks in the background: `spin(node, threads=2)` returns the node; ends it after the test."""
    import rclpy
    from rclpy.executors import (
        ExternalShutdownException,
        MultiThreadedExecutor,
        ShutdownException,
        SingleThreadedExecutor,
    )

    started: list[tuple[Any, Any, threading.Thread]] = []

    def start(node: Any, threads: int = 2) -> Any:
        if threads == 1:
            executor = SingleThreadedExecutor(context=node.context)
        else:
            executor = MultiThreadedExecutor(num_threads=threads, context=node.context)

        def run() -> None:
            with suppress(ExternalShutdownException, ShutdownException):
                executor.spin()

        executor.add_node(node)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        started.append((node, executor, thread))
        return node

    yield start
    for node, executor, thread in reversed(started):
        executor.shutdown()
        thread.join(5.0)
        node.destroy_node()
        is_default = node.context is rclpy.utilities.get_default_context()
        rclpy.try_shutdown(context=None if is_default else node.context)


@pytest.fixture(scope="session")
def bundle(request: pytest.FixtureRequest) -> Path:
    """The bundle that ships, or a small one with random weights where it has not been made yet."""
    shipped = default_bundle()
    return shipped if (shipped / "bundle.json").is_file() else request.getfixturevalue("tiny_bundle")


@pytest.fixture(scope="module")
def domain() -> int:
    """A ROS_DOMAIN_ID that no other test of this run is likely to use."""
    return random.SystemRandom().randrange(1, 100)


@pytest.fixture
def processes(tmp_path: Path, domain: int) -> Iterator[Processes]:
    running = Processes(tmp_path, domain)
    yield running
    running.stop_all()


@pytest.fixture
def peer(domain: int) -> Iterator[Peer]:
    peer = Peer(domain)
    yield peer
    peer.close()


@pytest.fixture(scope="module")
def lasting_processes(tmp_path_factory: pytest.TempPathFactory, domain: int) -> Iterator[Processes]:
    """Processes that all tests of a module share."""
    running = Processes(tmp_path_factory.mktemp("processes"), domain)
    yield running
    running.stop_all()


@pytest.fixture(scope="module")
def lasting_peer(domain: int) -> Iterator[Peer]:
    """A peer that all tests of a module share."""
    peer = Peer(domain)
    yield peer
    peer.close()
