"""Recordings: every byte and both times come back by rosbags; a kill, a full disk and a wrong folder."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

from sensor_msgs.msg import Image, JointState  # isort: skip
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from ros_nodes.conversions import array_to_image
from ros_nodes.mcap_file import CHUNK, CHUNK_S, MAGIC, McapFile
from ros_nodes.message_text import definition_text
from ros_nodes.qos import LATCHED, LATEST, SENSOR

rosbag2 = pytest.importorskip("rosbags.rosbag2")


def read(bag: Path) -> dict[str, list[tuple[int, Any]]]:
    """Log times and messages by topic, with nothing known but what stands in the bag."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    found: dict[str, list[tuple[int, Any]]] = {}
    with rosbag2.Reader(bag) as reader:
        for connection in reader.connections:
            store = get_typestore(Stores.EMPTY)
            store.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
            for _, stamp, data in reader.messages(connections=[connection]):
                message = store.deserialize_cdr(data, connection.msgtype)
                found.setdefault(connection.topic, []).append((stamp, message))
    return found


def the_bag(folder: Path) -> Path:
    (bag,) = folder.iterdir()
    return bag


def test_recorded_messages_come_back(processes: Any, peer: Any, tmp_path: Path, image: np.ndarray) -> None:
    latched = peer.node.create_publisher(String, "said/before", LATCHED)
    latched.publish(String(data="early"))
    images = peer.node.create_publisher(Image, "camera/image_raw", SENSOR)
    states = peer.node.create_publisher(JointState, "joint_states", LATEST)
    began_ns = time.time_ns()
    processes.start("recorder_node", folder=tmp_path / "bags")
    peer.until_health("recorder_node", "recording", what=lambda: processes.log("recorder_node"))
    peer.until(lambda: images.get_subscription_count() and states.get_subscription_count())
    sent = [array_to_image(image, peer.node.get_clock().now().to_msg(), "camera") for _ in range(3)]
    peer.until(lambda: "/said/before" in peer.health["recorder_node"]["topics"])
    recorded = lambda: int(peer.health["recorder_node"]["recorded.count"])  # noqa: E731
    for number, message in enumerate(sent):
        before = recorded()
        images.publish(message)
        states.publish(JointState(name=["a"], position=[float(number)]))
        peer.until(lambda before=before: recorded() >= before + 2)
    processes.interrupt("recorder_node")
    bag = the_bag(tmp_path / "bags")
    found = read(bag)
    assert [message.data for _, message in found["/said/before"]] == ["early"]
    assert [message.position.tolist() for _, message in found["/joint_states"]] == [[0.0], [1.0], [2.0]]
    for (stamp, message), original in zip(found["/camera/image_raw"], sent, strict=True):
        assert began_ns < stamp < time.time_ns()
        assert bytes(message.data) == bytes(original.data) and message.encoding == original.encoding
        assert (message.header.stamp.sec, message.header.frame_id) == (original.header.stamp.sec, "camera")
    with rosbag2.Reader(bag) as reader:
        (connection,) = [each for each in reader.connections if each.topic == "/said/before"]
        assert connection.ext.offered_qos_profiles[0].durability.name == "TRANSIENT_LOCAL"
        assert reader.message_count == sum(len(entries) for entries in found.values())


def test_named_topics_only_and_a_silent_one_is_named(processes: Any, peer: Any, tmp_path: Path) -> None:
    words = peer.node.create_publisher(String, "word", LATEST)
    peer.node.create_publisher(String, "other", LATEST)
    processes.start("recorder_node", folder=tmp_path / "bags", topics="[word, missing/one]")
    peer.until_health("recorder_node", "waiting for /missing/one")
    peer.until(lambda: words.get_subscription_count() > 0)
    words.publish(String(data="hello"))
    peer.until(lambda: peer.health["recorder_node"]["recorded.count"] == "1")
    processes.interrupt("recorder_node")
    assert list(read(the_bag(tmp_path / "bags"))) == ["/word"]


def test_a_kill_loses_no_more_than_the_last_chunk(processes: Any, peer: Any, tmp_path: Path) -> None:
    words = peer.node.create_publisher(String, "word", LATEST)
    processes.start("recorder_node", folder=tmp_path / "bags", topics="[word]")
    peer.until(lambda: words.get_subscription_count() > 0)
    words.publish(String(data="before the kill"))
    file = the_bag(tmp_path / "bags") / f"{the_bag(tmp_path / 'bags').name}.mcap"
    peer.until(lambda: b"before the kill" in file.read_bytes(), 10 * CHUNK_S)
    processes.kill("recorder_node")
    assert CHUNK in whole_records(file) and file.stat().st_size == sum(whole_records(file).values()) + len(MAGIC)


def whole_records(file: Path) -> dict[int, int]:
    """Bytes in the records of each kind from the start of a file up to the last whole one."""
    data, position = file.read_bytes(), len(MAGIC)
    sizes: dict[int, int] = {}
    while position + 9 <= len(data):
        size = 9 + int.from_bytes(data[position + 1 : position + 9], "little")
        if position + size > len(data):
            break
        sizes[data[position]] = sizes.get(data[position], 0) + size
        position += size
    return sizes


def test_too_little_space_and_no_such_folder_leave_the_node_inactive(processes: Any, peer: Any, tmp_path: Path) -> None:
    processes.start("recorder_node", folder=tmp_path / "bags", min_free_mb=2**30)
    peer.until_health("recorder_node", "MiB are free")
    assert peer.health["recorder_node"]["lifecycle"] == "inactive"
    processes.interrupt("recorder_node")
    (tmp_path / "file").write_text("")
    processes.start("recorder_node", folder=tmp_path / "file" / "bags")
    peer.until_health("recorder_node", "cannot record here")
    assert "Traceback" not in processes.log("recorder_node")


FULL = """
import resource, sys
from pathlib import Path
import ros_nodes
from rclpy.qos import QoSProfile
from std_msgs.msg import String
from ros_nodes.bag_writer import BagWriter, RecordingError
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
bag = BagWriter(Path(sys.argv[1]), 1)
topic = bag.add_topic("/word", "std_msgs/msg/String", String, QoSProfile(depth=1))
try:
    for number in range(100):
        bag.write(topic, bytes(100_000), number, number)
except RecordingError as error:
    print(error)
"""


def test_a_full_disk_leaves_whole_chunks(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path / "bag")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "writing failed (File too large)" in done.stdout and "ros2 bag reindex" in done.stdout
    file = tmp_path / "bag/bag.mcap"
    assert sum(whole_records(file).values()) + len(MAGIC) == file.stat().st_size > 2**21


def test_both_times_are_kept(tmp_path: Path) -> None:
    file = McapFile(tmp_path / "times.mcap")
    channel = file.add_channel(file.add_schema("std_msgs/msg/String", "ros2msg", "string data\n"), "/word", {})
    file.write(channel, b"payload", 2_000_000_001, 2_000_000_000)
    file.close({})
    times = (2_000_000_001).to_bytes(8, "little") + (2_000_000_000).to_bytes(8, "little")
    assert times + b"payload" in (tmp_path / "times.mcap").read_bytes()


def test_definition_text_holds_everything_inside() -> None:
    text = definition_text(JointTrajectory)
    assert "trajectory_msgs/JointTrajectoryPoint[] points\n" in text and "string[] joint_names\n" in text
    assert text.count("MSG: builtin_interfaces/Time\n") == 1
    assert "MSG: trajectory_msgs/JointTrajectoryPoint\nfloat64[] positions\n" in text
