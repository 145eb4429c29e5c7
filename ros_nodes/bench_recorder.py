"""What the recorder loses: of a camera at 30 Hz and joints at 250 Hz, and when it is killed at any instant."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState

from robot_wm.data.bag import Bag, header_stamp_ns
from robot_wm.data.bag_repair import repair
from robot_wm.errors import RobotWmError
from ros_nodes.qos import LATEST, SENSOR

CAMERA, JOINTS = "/recorder_bench/image_raw", "/recorder_bench/joint_states"
RATES_HZ = {CAMERA: 30.0, JOINTS: 250.0}
IMAGE_SIDE = 224
_PATIENCE_S = 60.0


class BenchError(RobotWmError):
    """The recorder or the sender of a measurement did not do its part."""


def run(repeats: int = 300) -> dict[str, dict[str, float]]:
    """Records both streams for as long as `repeats` images take.

    Returns:
        For each stream how many messages were sent, how many of them are missing in the file, the delays from
        publication to receipt in ms, and the CPU use of the recorder in percent of a core.
    """
    with tempfile.TemporaryDirectory() as place, _recorder(Path(place)) as process:
        with _sender(repeats) as sender:
            output, _ = sender.communicate(timeout=_PATIENCE_S + repeats / RATES_HZ[CAMERA])
        if sender.returncode != 0:
            raise BenchError(f"the sender ended with code {sender.returncode}: {output}")
        sent = json.loads(output)
        busy_s = _cpu_seconds(process.pid)
        process.send_signal(signal.SIGINT)
        process.wait(_PATIENCE_S)
        return _compare(_bag(Path(place)), sent, busy_s)


def run_kills(repeats: int = 100, seed: int = 0) -> dict[str, dict[str, float]]:
    """Kills the recorder `repeats` times, each at a random instant, and repairs what it leaves.

    Every other time it records the joints alone, which do not fill a chunk before the next flush.

    Returns:
        For each stream how much is lost, in ms from the publication of the last message that was saved to the kill,
        and how many files could be read after the repair.
    """
    rng, losses = random.Random(seed), dict[str, list[float]]()
    with _sender(0):
        for number in range(repeats):
            topics = tuple(RATES_HZ) if number % 2 == 0 else (JOINTS,)
            with tempfile.TemporaryDirectory() as place:
                for topic, loss_ms in _kill_once(Path(place), rng, topics).items():
                    losses.setdefault(f"{topic}{' alone' if len(topics) == 1 else ''}", []).append(loss_ms)
    return {
        topic: {
            "kills": float(len(values)),
            "read": float(len(values)),  # a file that cannot be read raises
            "lost_ms_p50": float(np.percentile(values, 50)),
            "lost_ms_max": max(values),
        }
        for topic, values in losses.items()
    }


def _kill_once(place: Path, rng: random.Random, topics: tuple[str, ...]) -> dict[str, float]:
    with _recorder(place, topics) as process:
        bag = _bag(place)
        _wait_until(lambda: {m.topic.name for m in bag.messages()} >= set(topics), "messages of the streams")
        time.sleep(rng.uniform(0.05, 1.0))
        killed_ns = time.time_ns()
        process.kill()
        process.wait(_PATIENCE_S)
    repair(bag.path, place / "repaired")
    last: dict[str, int] = {}
    repaired = Bag.open(place / "repaired")
    for message in repaired.messages():
        last[message.topic.name] = max(last.get(message.topic.name, 0), message.published_ns)
    if repaired.damages:
        raise BenchError(f"the repaired recording is damaged: {repaired.damages[0]}")
    return {topic: (killed_ns - last[topic]) / 1e6 for topic in topics}


@contextmanager
def _recorder(place: Path, topics: tuple[str, ...] = tuple(RATES_HZ)) -> Iterator[subprocess.Popen[bytes]]:
    """recorder_node as a process of its own, once it has begun a file."""
    command = [sys.executable, "-m", "ros_nodes.recorder_node", "--ros-args", "-p", "autostart:=true"]
    command += ["-p", f"folder:={json.dumps(str(place / 'bags'))}", "-p", f"topics:={json.dumps(topics)}"]
    with (place / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait_until(lambda: list((place / "bags").glob("*/*.mcap")), "a file of the recorder", process, place)
            yield process
        finally:
            process.kill()


@contextmanager
def _sender(images: int) -> Iterator[subprocess.Popen[str]]:
    """Another process that publishes both streams: `images` of them, or until it is killed where that is 0."""
    command = [sys.executable, "-m", "ros_nodes.bench_recorder", str(images)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_until(condition: Any, what: str, process: Any = None, place: Path | None = None) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > end or (process is not None and process.poll() is not None):
            log = (place / "log").read_text(errors="replace")[-500:] if place is not None else ""
            raise BenchError(f"there was no {what} within {_PATIENCE_S:.0f} s. {log}")
        time.sleep(0.05)


def _bag(place: Path) -> Bag:
    (folder,) = (place / "bags").iterdir()
    return Bag.open(folder)


def _compare(bag: Bag, sent: dict[str, Any], busy_s: float) -> dict[str, dict[str, float]]:
    stamps: dict[str, set[int]] = {topic: set() for topic in RATES_HZ}
    delays: dict[str, list[float]] = {topic: [] for topic in RATES_HZ}
    for message in bag.messages():
        stamp_ns = header_stamp_ns(message)
        if stamp_ns is not None and message.topic.name in stamps:
            stamps[message.topic.name].add(stamp_ns)
            delays[message.topic.name].append((message.received_ns - message.published_ns) / 1e6)
    return {
        topic: {
            "sent": float(len(sent["stamps"][topic])),
            "missing": float(len(set(sent["stamps"][topic]) - stamps[topic])),
            "delay_ms_p50": float(np.percentile(delays[topic], 50)),
            "delay_ms_max": max(delays[topic]),
            "recorder_cpu_percent": 100.0 * busy_s / sent["seconds"],
        }
        for topic in RATES_HZ
    }


def _cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, its start included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _send(images: int) -> None:
    """The other process: waits for the recorder where it counts, then publishes each stream at its rate."""
    rclpy.init(args=[])
    node = Node("recorder_bench_sender")
    publishers = {
        CAMERA: node.create_publisher(Image, CAMERA, SENSOR),
        JOINTS: node.create_publisher(JointState, JOINTS, LATEST),
    }
    pixels = array("B", random.Random(0).randbytes(IMAGE_SIDE * IMAGE_SIDE * 3))
    messages: dict[str, Any] = {
        CAMERA: Image(height=IMAGE_SIDE, width=IMAGE_SIDE, encoding="rgb8", step=3 * IMAGE_SIDE, data=pixels),
        JOINTS: JointState(name=[f"joint{number}" for number in range(7)], position=[0.1] * 7, velocity=[0.2] * 7),
    }
    if images:
        _wait_until(lambda: all(each.get_subscription_count() for each in publishers.values()), "recorder")
    stamps: dict[str, list[int]] = {topic: [] for topic in publishers}
    began = time.monotonic()
    due = dict.fromkeys(publishers, began)
    while not images or len(stamps[CAMERA]) < images:
        topic = min(due, key=lambda name: due[name])
        time.sleep(max(0.0, due[topic] - time.monotonic()))
        due[topic] += 1.0 / RATES_HZ[topic]
        stamp = messages[topic].header.stamp = node.get_clock().now().to_msg()
        publishers[topic].publish(messages[topic])
        if images:
            stamps[topic].append(stamp.sec * 10**9 + stamp.nanosec)
    seconds = time.monotonic() - began
    time.sleep(0.5)  # the last ones are on their way
    print(json.dumps({"stamps": stamps, "seconds": seconds}))
    node.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    _send(int(sys.argv[1]))
