"""How long images take from one process to another and back over DDS."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import Image

from robot_wm.errors import RobotWmError
from robot_wm.evaluation import percentiles
from ros_nodes.conversions import array_to_image
from ros_nodes.qos import SENSOR

SIZES = (96, 224, 480)
DISCOVERY_S = 20.0
ANSWER_S = 5.0
LOST_AT_MOST = 0.1


def measure(repeats: int) -> dict[str, dict[str, float]]:
    """Round trips of square rgb8 images through an echo in another process, by size.

    Returns:
        Milliseconds there and back, median and 99th percentile, and the share of images lost.

    Raises:
        RobotWmError: The echo was not discovered, or loses more than a tenth of the images.
    """
    with _echo_process(), _Caller() as caller:
        caller.wait_for_echo()
        return {f"image_{size}x{size}_round_trip_ms": caller.round_trips(size, repeats) for size in SIZES}


class _Caller:
    def __init__(self) -> None:
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self._node = Node("bench_caller", context=self._context)
        self._executor = rclpy.executors.SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        there, back = _topics(os.getpid())
        self._publisher = self._node.create_publisher(Image, there, SENSOR)
        self._node.create_subscription(Image, back, self._received, SENSOR)
        self._answer = ""

    def __enter__(self) -> _Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)

    def _received(self, message: Image) -> None:
        self._answer = message.header.frame_id

    def wait_for_echo(self) -> None:
        """Calls until the first answer."""
        give_up = time.monotonic() + DISCOVERY_S
        while time.monotonic() < give_up:
            if self._round_trip(np.zeros((8, 8, 3), np.uint8), "hello") is not None:
                return
        raise RobotWmError(f"bench transport: no answer from the echo process in {DISCOVERY_S:.0f} s; see `doctor`")

    def round_trips(self, size: int, repeats: int) -> dict[str, float]:
        """Times `repeats` images of `size` pixels squared."""
        pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
        trips = [self._round_trip(pixels, f"{size}-{index}") for index in range(repeats)]
        answered = [trip for trip in trips if trip is not None]
        lost = 1 - len(answered) / repeats
        if lost > LOST_AT_MOST:
            raise RobotWmError(f"bench transport: {lost:.0%} of the {size}x{size} images were lost")
        return percentiles([1e3 * trip for trip in answered]) | {"lost": lost}

    def _round_trip(self, pixels: np.ndarray, name: str) -> float | None:
        message = array_to_image(pixels, self._node.get_clock().now().to_msg(), name)
        began = time.perf_counter()
        self._publisher.publish(message)
        while self._answer != name:
            left = ANSWER_S - (time.perf_counter() - began)
            if left <= 0:
                return None
            self._executor.spin_once(timeout_sec=left)
        return time.perf_counter() - began


def _topics(caller: int) -> tuple[str, str]:
    """Names that no other benchmark on this machine uses."""
    return f"bench_{caller}/image", f"bench_{caller}/echo"


@contextmanager
def _echo_process() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "ros_nodes.bench", str(os.getpid())])
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    """The echo: publishes every image that arrives; the argument is the process that calls."""
    rclpy.init()
    node = Node("bench_echo")
    there, back = _topics(int(sys.argv[1]))
    publisher = node.create_publisher(Image, back, SENSOR)
    node.create_subscription(Image, there, publisher.publish, SENSOR)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
