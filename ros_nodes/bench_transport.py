"""How long messages take between two processes, from publish to callback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image, JointState

from robot_wm.errors import RobotWmError

IMAGE_SIDE = 224
CASES: dict[str, tuple[type, float]] = {"image_224_30hz": (Image, 30.0), "joint_state_1000hz": (JointState, 1000.0)}
START_TIMEOUT_S = 20.0
WARM_UP = 20
"""Messages before those that count: the first ones of a type have its coding generated."""
COUNTED = "counted"


class BenchError(RobotWmError):
    """The other process of a measurement did not do its part."""


def run(repeats: int = 200) -> dict[str, dict[str, float]]:
    """Measures an image stream and a joint-state stream between this process and another one.

    Args:
        repeats: Number of messages of each stream that count; the CPU use is that during these.

    Returns:
        For each stream p50, p99 and max in milliseconds, the messages lost, and the CPU use of receiver and sender
        in percent of a core.
    """
    return {name: _measure(name, repeats) for name in CASES}


def _measure(case: str, repeats: int) -> dict[str, float]:
    kind, rate_hz = CASES[case]
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    node = Node("transport_bench_receiver", context=context)
    latencies_ms: list[float] = []
    began_s = time.process_time()

    def receive(message: Any) -> None:
        nonlocal began_s
        if message.header.frame_id == COUNTED:
            stamp = message.header.stamp
            latencies_ms.append((time.time_ns() - stamp.sec * 10**9 - stamp.nanosec) / 1e6)
        else:
            began_s = time.process_time()

    node.create_subscription(kind, f"transport_bench/{case}", receive, qos_profile_sensor_data)
    command = [sys.executable, "-m", "ros_nodes.bench_transport", case, str(repeats)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment(context)) as sender:
        _receive_until_end(context, node, sender)
        busy_s = time.process_time() - began_s
        output = sender.stdout.read() if sender.stdout else ""
    node.destroy_node()
    context.shutdown()
    if sender.returncode != 0 or not latencies_ms:
        raise BenchError(f"the sender of {case} ended with code {sender.returncode}: {output or 'no output'}")
    p50, p99 = np.percentile(latencies_ms, (50, 99))
    return {
        "p50": float(p50),
        "p99": float(p99),
        "max": max(latencies_ms),
        "lost": float(repeats - len(latencies_ms)),
        "receiver_cpu_percent": 100.0 * busy_s * rate_hz / repeats,
        "sender_cpu_percent": 100.0 * json.loads(output)["cpu_s"] * rate_hz / repeats,
    }


def _environment(context: Any) -> dict[str, str]:
    return os.environ | {"ROS_DOMAIN_ID": str(context.get_domain_id())}


def _receive_until_end(context: Any, node: Node, sender: subprocess.Popen[str]) -> None:
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    while sender.poll() is None:
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()


def _send(case: str, repeats: int) -> None:
    """The other process: waits for the receiver, then sends at the case's rate."""
    kind, rate_hz = CASES[case]
    rclpy.init(args=[])
    node = Node("transport_bench_sender")
    publisher = node.create_publisher(kind, f"transport_bench/{case}", qos_profile_sensor_data)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    _wait(executor, lambda: publisher.get_subscription_count() > 0)
    message = _message(kind)
    left, began_s = WARM_UP + repeats, time.process_time()

    def publish() -> None:
        nonlocal left, began_s
        if left == repeats:
            message.header.frame_id, began_s = COUNTED, time.process_time()
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)
        left -= 1

    node.create_timer(1.0 / rate_hz, publish)
    while left > 0:
        executor.spin_once(timeout_sec=1.0)
    print(json.dumps({"cpu_s": time.process_time() - began_s}))
    node.destroy_node()
    rclpy.shutdown()


def _message(kind: type) -> Any:
    if kind is JointState:
        names = [f"panda_joint{number}" for number in range(1, 8)]
        return JointState(name=names, position=[0.1] * 7, velocity=[0.2] * 7)
    pixels = array("B", bytes(IMAGE_SIDE * IMAGE_SIDE * 3))
    return Image(height=IMAGE_SIDE, width=IMAGE_SIDE, encoding="rgb8", step=3 * IMAGE_SIDE, data=pixels)


def _wait(executor: SingleThreadedExecutor, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while not condition():
        if time.monotonic() > end:
            raise BenchError(f"nobody listened within {START_TIMEOUT_S} s")
        executor.spin_once(timeout_sec=0.05)


if __name__ == "__main__":
    _send(sys.argv[1], int(sys.argv[2]))
