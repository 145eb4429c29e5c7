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
        with _sender(repeats, Path(place)) as sender:
            output, _ = sender.communicate(timeout=_PATIENCE_S + repeats / RATES_HZ[CAMERA])
        if sender.returncode != 0:
            raise BenchError(f"the sender ended with code {sender.returncode}: {output}")
        seconds = json.loads(output)["seconds"]
        busy_s = _cpu_seconds(process.pid)
        process.send_signal(signal.SIGINT)
        process.wait(_PATIENCE_S)
        return _compare(_bag(Path(place)), Path(place), busy_s / seconds)


def run_kills(repeats: int = 100, seed: int = 0) -> dict[str, dict[str, float]]:
    """Kills the recorder `repeats` times, each at a random instant, and repairs what it leaves.

    Every other time it records the joints alone, which do not fill a chunk before the next flush.

    Returns:
        For each stream how much a kill loses: the age in ms, at the kill, of the first message that was published after
        the last one in the repaired file; how many are missing before that one; and how many files could be read.
    """
    rng, losses = random.Random(seed), dict[str, list[tuple[float, int]]]()
    with tempfile.TemporaryDirectory() as place, _sender(0, Path(place)):
        for number in range(repeats):
            topics = tuple(RATES_HZ) if number % 2 == 0 else (JOINTS,)
            for topic, loss in _kill_once(Path(place) / str(number), Path(place), rng, topics).items():
                losses.setdefault(f"{topic}{' alone' if len(topics) == 1 else ''}", []).append(loss)
    return {
        topic: {
            "kills": float(len(values)),
            "read": float(len(values)),  # a file that cannot be read raises
            "lost_ms_p50": float(np.percentile([lost_ms for lost_ms, _ in values], 50)),
            "lost_ms_max": max(lost_ms for lost_ms, _ in values),
            "missing_before": float(sum(missing for _, missing in values)),
        }
        for topic, values in losses.items()
    }


def _kill_once(place: Path, journal: Path, rng: random.Random, topics: tuple[str, ...]) -> dict[str, tuple[float, int]]:
    place.mkdir()
    with _recorder(place, topics) as process:
        bag = _bag(place)
        _wait_until(lambda: {m.topic.name for m in bag.messages()} >= set(topics), "messages of the streams")
        time.sleep(rng.uniform(0.05, 1.0))
        killed_ns = time.time_ns()
        process.kill()
        process.wait(_PATIENCE_S)
    repair(bag.path, place / "repaired")
    saved: dict[str, set[int]] = {topic: set() for topic in topics}
    repaired = Bag.open(place / "repaired")
    for message in repaired.messages():
        if message.topic.name in saved:
            saved[message.topic.name].add(header_stamp_ns(message) or 0)
    if repaired.damages:
        raise BenchError(f"the repaired recording is damaged: {repaired.damages[0]}")
    return {topic: _losses(_read_journal(journal, topic), saved[topic], killed_ns) for topic in topics}


def _losses(sent: np.ndarray, saved: set[int], killed_ns: int) -> tuple[float, int]:
    """Age in ms of the first message after the last saved one, 0 if there is none; and messages missing before it."""
    sent = sent[(sent >= min(saved)) & (sent <= killed_ns)]
    after = sent[sent > max(saved)]
    lost_ms = (killed_ns - int(after[0])) / 1e6 if len(after) else 0.0
    return lost_ms, len(sent) - len(after) - len(saved.intersection(sent.tolist()))


def _journal(place: Path, topic: str) -> Path:
    return place / f"{topic.rpartition('/')[2]}.sent"


def _read_journal(place: Path, topic: str) -> np.ndarray:
    """Stamps int64 (n,) of what the sender has published."""
    content = _journal(place, topic).read_bytes()
    return np.frombuffer(content[: len(content) // 8 * 8], np.int64)


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
def _sender(images: int, journal: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that publishes both streams: `images` of them, or until it is killed where that is 0.

    It writes the stamp of each message into the folder `journal` just before it publishes the message.
    """
    command = [sys.executable, "-m", "ros_nodes.bench_recorder", str(images), str(journal)]
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


def _compare(bag: Bag, journal: Path, busy: float) -> dict[str, dict[str, float]]:
    stamps: dict[str, set[int]] = {topic: set() for topic in RATES_HZ}
    delays: dict[str, list[float]] = {topic: [] for topic in RATES_HZ}
    for message in bag.messages():
        stamp_ns = header_stamp_ns(message)
        if stamp_ns is not None and message.topic.name in stamps:
            stamps[message.topic.name].add(stamp_ns)
            delays[message.topic.name].append((message.received_ns - message.published_ns) / 1e6)
    sent = {topic: set(_read_journal(journal, topic).tolist()) for topic in RATES_HZ}
    return {
        topic: {
            "sent": float(len(sent[topic])),
            "missing": float(len(sent[topic] - stamps[topic])),
            "delay_ms_p50": float(np.percentile(delays[topic], 50)),
            "delay_ms_max": max(delays[topic]),
            "recorder_cpu_percent": 100.0 * busy,
        }
        for topic in RATES_HZ
    }


def _cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, its start included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _send(images: int, journal: Path) -> None:
    """The other process: waits for the recorder where it counts, then publishes each stream at its rate."""
    rclpy.init(args=[])
    node = Node("recorder_bench_sender")
    publishers = {
        CAMERA: node.create_publisher(Image, CAMERA, SENSOR),
        JOINTS: node.create_publisher(JointState, JOINTS, LATEST),
    }
    if images:
        _wait_until(lambda: all(each.get_subscription_count() for each in publishers.values()), "recorder")
    messages, sent = _messages(), dict.fromkeys(publishers, 0)
    files = {topic: _journal(journal, topic).open("ab", buffering=0) for topic in publishers}
    began = time.monotonic()
    due = dict.fromkeys(publishers, began)
    while not images or sent[CAMERA] < images:
        topic = min(due, key=lambda name: due[name])
        time.sleep(max(0.0, due[topic] - time.monotonic()))
        due[topic] += 1.0 / RATES_HZ[topic]
        stamp = messages[topic].header.stamp = node.get_clock().now().to_msg()
        files[topic].write((stamp.sec * 10**9 + stamp.nanosec).to_bytes(8, "little"))
        publishers[topic].publish(messages[topic])
        sent[topic] += 1
    seconds = time.monotonic() - began
    time.sleep(0.5)  # the last ones are on their way
    print(json.dumps({"seconds": seconds}))
    node.destroy_node()
    rclpy.shutdown()


def _messages() -> dict[str, Any]:
    pixels = array("B", random.Random(0).randbytes(IMAGE_SIDE * IMAGE_SIDE * 3))
    return {
        CAMERA: Image(height=IMAGE_SIDE, width=IMAGE_SIDE, encoding="rgb8", step=3 * IMAGE_SIDE, data=pixels),
        JOINTS: JointState(name=[f"joint{number}" for number in range(7)], position=[0.1] * 7, velocity=[0.2] * 7),
    }


if __name__ == "__main__":
    _send(int(sys.argv[1]), Path(sys.argv[2]))
