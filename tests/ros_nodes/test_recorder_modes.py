"""The recorder's marks, its ring of the last seconds, kills, a full disk, and the check of topics before it begins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

pytest.importorskip("mcap")

from sensor_msgs.msg import JointState  # isort: skip
from std_msgs.msg import String

from robot_wm.data.bag import Bag
from robot_wm.data.bag_report import report
from robot_wm.signals import JOINTS, Signal
from ros_nodes import bench_recorder
from ros_nodes.qos import LATEST
from ros_nodes.topic_check import Seen, wrong_topics


def test_marks_are_in_the_file_and_counts_are_told(processes: Any, peer: Any, tmp_path: Path) -> None:
    words = peer.node.create_publisher(String, "word", LATEST)
    marks = peer.node.create_publisher(String, "episode/mark", 10)
    processes.start("recorder_node", folder=tmp_path / "bags", topics="[word]", task='"push the block"', split_s=0.5)
    peer.until(lambda: words.get_subscription_count() and marks.get_subscription_count())
    assert peer.trigger("episode/start").message == "marked: start push the block"
    for number in range(3):
        words.publish(String(data=str(number)))
        peer.until(lambda number=number: f"received {number + 1}," in peer.health["recorder_node"].get("/word", ""))
    assert "dropped 0, late 0" in peer.health["recorder_node"]["/word"]
    assert peer.trigger("episode/success").success
    marks.publish(String(data="start by topic"))
    peer.until(lambda: "received 1," in peer.health["recorder_node"].get("/episode/mark", ""))
    assert peer.trigger("episode/discard").success
    processes.interrupt("recorder_node")
    (folder,) = (tmp_path / "bags").iterdir()
    found = report(Bag.open(folder))
    assert [(span.task, span.outcome) for span in found.episodes] == [
        ("push the block", "success"),
        ("by topic", "discard"),
    ]
    assert found.topics["/word"].count == 3 and list(found.problems()) == []


def test_a_ring_is_saved_on_demand_while_it_goes_on(processes: Any, peer: Any, tmp_path: Path) -> None:
    words = peer.node.create_publisher(String, "word", LATEST)
    processes.start("recorder_node", folder=tmp_path / "bags", topics="[word]", ring_s=60.0)
    peer.until(lambda: words.get_subscription_count())
    refused = peer.trigger("recorder_node/save")
    assert not refused.success and "nothing to save" in refused.message
    for number in range(2):
        words.publish(String(data=str(number)))
        peer.until(lambda number=number: peer.health["recorder_node"]["recorded.count"] == str(number + 1))
        saved = peer.trigger("recorder_node/save")
        assert saved.success, saved.message
        assert report(Bag.open(Path(saved.message.rpartition(":")[0]))).messages == number + 1
    processes.interrupt("recorder_node")
    assert len(list((tmp_path / "bags").iterdir())) == 2


def test_what_a_kill_leaves_is_repaired(monkeypatch: pytest.MonkeyPatch, domain: int) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
    for topic, figures in bench_recorder.run_kills(2).items():
        assert figures["read"] == figures["kills"] == 1.0, topic
        assert figures["lost_ms_max"] < 1000.0, "many times more than the flush period, on however busy a computer"


FILL = """
import sys
from pathlib import Path
from robot_wm.data.bag_file import BagTopic, RecordingError
from robot_wm.data.bag_writer import BagWriter
bag, number = BagWriter(Path(sys.argv[1]), int(sys.argv[2])), 0
topic = bag.add_topic(BagTopic("/word", "std_msgs/msg/String", "string data\\n"))
try:
    while number < 1000:
        bag.check_space()
        bag.write(topic, bytes(50_000), number, number)
        bag.flush()
        number += 1
except RecordingError as error:
    print(number, error)
bag.close()
"""


@pytest.mark.parametrize(("min_free", "words"), [(1 << 20, "left over"), (0, "No space left on device")])
def test_a_full_disk_ends_a_recording_that_can_be_read(tmp_path: Path, min_free: int, words: str) -> None:
    mount = f"mount -t tmpfs -o size=3m none {tmp_path}"
    namespace = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if subprocess.run([*namespace, mount], capture_output=True).returncode != 0:
        pytest.skip("mount namespaces are not allowed here")
    check = f"{sys.executable} -m robot_wm.cli dataset verify {tmp_path}/bag; ls {tmp_path}/bag"
    command = f'{mount} && "$0" -c "$1" {tmp_path}/bag {min_free} && {check}'
    done = subprocess.run([*namespace, command, sys.executable, FILL], capture_output=True, text=True, timeout=100)
    assert words in done.stdout, done.stdout + done.stderr
    written = int(done.stdout.split()[0])
    assert f"{written} messages are whole" in done.stdout and written > 20
    assert ("metadata.yaml" in done.stdout and "no damage was found" in done.stdout) == bool(min_free)


def test_wrong_topics_are_named_with_what_was_seen() -> None:
    def signal(rate_hz: float) -> Signal:
        return Signal(
            "state", "observation", "joint_states", JOINTS, (8,), ("1",), "base", rate_hz, "nearest", 0.1, "none"
        )

    needed, image = {"/joint_states": signal(100.0)}, "sensor_msgs/msg/Image"
    cases = {
        "is missing; seen instead: /arm/joint_states": {"/arm/joint_states": Seen((JOINTS,), None)},
        "is missing; seen instead: nothing of its type": {"/image": Seen((image,), None)},
        f"is of type {image}, the contract needs {JOINTS}": {"/joint_states": Seen((image,), 100.0)},
        "comes at 30.0 Hz, the contract needs 100 Hz": {"/joint_states": Seen((JOINTS,), 30.0)},
        "is published best-effort": {"/joint_states": Seen((JOINTS,), 100.0, reliable=False)},
    }
    for words, seen in cases.items():
        (said,) = wrong_topics(needed, seen, must_be_reliable=True)
        assert said.startswith("/joint_states") and words in said
    assert wrong_topics(needed, {"/joint_states": Seen((JOINTS,), 99.0)}) == []


def test_record_refuses_at_once_where_the_robots_topics_are_not_there(peer: Any, domain: int, tmp_path: Path) -> None:
    other = peer.node.create_publisher(JointState, "arm/joint_states", LATEST)
    command = [sys.executable, "-m", "robot_wm.cli", "record", "--robot", "panda_sim", "--out", str(tmp_path / "bags")]
    environment = os.environ | {"ROS_DOMAIN_ID": str(domain)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 2 and other is not None
    assert "/joint_states (sensor_msgs/msg/JointState) is missing; seen instead: /arm/joint_states" in done.stderr
    assert "/camera/image_raw" in done.stderr and not (tmp_path / "bags").exists()
