"""Recordings: every byte and both times come back by rosbags and by mcap; a kill, a full disk and a wrong folder."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

from sensor_msgs.msg import Image, JointState  # isort: skip
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from ros_nodes.conversions import array_to_image
from ros_nodes.message_text import definition_text
from ros_nodes.qos import LATCHED, LATEST, SENSOR

rosbag2 = pytest.importorskip("rosbags.rosbag2")
mcap = pytest.importorskip("mcap.reader")

from mcap.exceptions import EndOfFile  # noqa: E402
from mcap.records import Message  # noqa: E402
from mcap.stream_reader import StreamReader  # noqa: E402

from robot_wm.data.bag_file import CHUNK_BYTES, BagTopic  # noqa: E402
from robot_wm.data.bag_writer import BagWriter  # noqa: E402


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


def saved(file: Path, whole: bool = False) -> list[Message]:
    """Messages of a file that need not have an end; if it is `whole`, no half record stands there either."""
    found, end = [], 0
    with file.open("rb") as stream, suppress(EndOfFile):
        for record in StreamReader(stream, validate_crcs=True).records:
            end = stream.tell()
            if isinstance(record, Message):
                found.append(record)
    assert not whole or end == file.stat().st_size
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


def test_named_topics_only_with_who_is_in_control(processes: Any, peer: Any, tmp_path: Path) -> None:
    words = peer.node.create_publisher(String, "word", LATEST)
    peer.node.create_publisher(String, "other", LATEST)
    peer.node.create_publisher(String, "control/source", LATCHED).publish(String(data="person: x"))
    processes.start("recorder_node", folder=tmp_path / "bags", topics="[word, missing/one]")
    peer.until_health("recorder_node", "waiting for /missing/one")
    peer.until(lambda: words.get_subscription_count() > 0)
    words.publish(String(data="hello"))
    peer.until(lambda: peer.health["recorder_node"]["recorded.count"] == "2")
    processes.interrupt("recorder_node")
    assert set(read(the_bag(tmp_path / "bags"))) == {"/word", "/control/source"}


def test_a_kill_loses_no_more_than_a_quarter_second(processes: Any, peer: Any, tmp_path: Path) -> None:
    words = peer.node.create_publisher(String, "word", LATEST)
    processes.start("recorder_node", folder=tmp_path / "bags", topics="[word]")
    peer.until(lambda: words.get_subscription_count() > 0)
    file = the_bag(tmp_path / "bags") / f"{the_bag(tmp_path / 'bags').name}_0.mcap"
    delays_ns = []
    for number in range(5):
        words.publish(String(data=f"word {number}"))
        peer.until(lambda number=number: len(saved(file)) > number)
        delays_ns.append(file.stat().st_mtime_ns - saved(file)[-1].log_time)
    processes.kill("recorder_node")
    found = saved(file, whole=True)
    assert [message.data[8:].rstrip(b"\0").decode() for message in found] == [f"word {number}" for number in range(5)]
    assert min(delays_ns) < 0.25e9, "every message waits longer, on however idle a computer"


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
from robot_wm.data.bag_file import BagTopic, RecordingError
from robot_wm.data.bag_writer import BagWriter
def leave_room(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
bag, number = BagWriter(Path(sys.argv[1]), 1), 0
topic = bag.add_topic(BagTopic("/word", "std_msgs/msg/String", "string data\\n"))
try:
{what}
except RecordingError as error:
    print(number, error)
bag.close()
"""
MESSAGES = """
    leave_room(3_000_000)
    for number in range(100):
        bag.write(topic, bytes(100_000), number, number)
"""
INDEX = """
    for number in range(1, 4):
        bag.write(topic, bytes(10), number, number)
    bag.flush()
    leave_room((bag.folder / "bag_0.mcap").stat().st_size + 10)
    bag.close()
"""


@pytest.mark.parametrize("what", [MESSAGES, INDEX])
def test_a_full_disk_loses_nothing_that_was_written(tmp_path: Path, what: str) -> None:
    program = FULL.replace("{what}", what)
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "bag")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "writing failed (File too large)" in done.stdout and "ros2 bag reindex" in done.stdout
    written = int(done.stdout.split()[0])
    assert len(saved(tmp_path / "bag/bag_0.mcap", whole=True)) == written >= 3


def make_bag(folder: Path) -> tuple[BagWriter, int]:
    """A bag and the number of a topic in it."""
    bag = BagWriter(folder, 1)
    return bag, bag.add_topic(BagTopic("/word", "std_msgs/msg/String", "string data\n"))


def test_a_chunk_ends_when_it_is_full_or_flushed(tmp_path: Path) -> None:
    bag, topic = make_bag(tmp_path / "bag")
    file = tmp_path / "bag/bag_0.mcap"
    bag.write(topic, b"small", 1, 1)
    assert saved(file, whole=True) == []
    bag.flush()
    assert [message.data for message in saved(file, whole=True)] == [b"small"]
    bag.write(topic, bytes(CHUNK_BYTES), 2, 2)
    assert len(saved(file, whole=True)) == 2


def test_mcap_finds_both_times_the_schema_and_the_index(tmp_path: Path) -> None:
    bag, topic = make_bag(tmp_path / "bag")
    times = [(2_000_000_003, 2_000_000_000), (2_000_000_001, 1_999_999_999)]
    for received_ns, published_ns in times:
        bag.write(topic, b"payload", received_ns, published_ns)
    bag.close()
    with (tmp_path / "bag/bag_0.mcap").open("rb") as stream:
        reader = mcap.make_reader(stream, validate_crcs=True)
        assert reader.get_header().profile == "ros2"
        found = list(reader.iter_messages("/word", log_time_order=False))
        assert [(message.log_time, message.publish_time) for _, _, message in found] == times
        schema, channel, message = found[0]
        assert (schema.name, schema.encoding, schema.data) == ("std_msgs/msg/String", "ros2msg", b"string data\n")
        assert (channel.message_encoding, message.data) == ("cdr", b"payload")
        assert reader.get_summary().statistics.message_count == 2
        assert [metadata.name for metadata in reader.iter_metadata()] == ["rosbag2"]
    with rosbag2.Reader(tmp_path / "bag") as bag:
        assert (bag.start_time, bag.duration) == (2_000_000_001, 3)


def test_a_bag_without_messages_can_be_read(tmp_path: Path) -> None:
    make_bag(tmp_path / "bag")[0].close()
    assert read(tmp_path / "bag") == {}


def test_definition_text_holds_everything_inside() -> None:
    text = definition_text(JointTrajectory)
    assert "trajectory_msgs/JointTrajectoryPoint[] points\n" in text and "string[] joint_names\n" in text
    assert text.count("MSG: builtin_interfaces/Time\n") == 1
    assert "MSG: trajectory_msgs/JointTrajectoryPoint\nfloat64[] positions\n" in text
