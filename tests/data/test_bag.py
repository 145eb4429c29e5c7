"""Recordings that were cut or damaged at random bytes: what is whole is found, saved and nothing is invented."""

import struct

import numpy as np
import pytest

pytest.importorskip("mcap")

from robot_wm.data.bag import Bag
from robot_wm.data.bag_file import BagTopic
from robot_wm.data.bag_repair import repair
from robot_wm.data.bag_report import report
from robot_wm.data.bag_writer import BagWriter, Split
from robot_wm.data.marks import Mark, spans
from robot_wm.data.ring import RingBuffer
from robot_wm.errors import DatasetError, RobotWmError

JOINTS = BagTopic("/joint_states", "sensor_msgs/msg/JointState", "std_msgs/Header header\nfloat64[] position\n")
MARKS = BagTopic("/episode/mark", "std_msgs/msg/String", "string data\n")
S = 10**9


def stamped(stamp_ns: int, size: int = 100) -> bytes:
    return b"\x00\x01\x00\x00" + struct.pack("<iI", stamp_ns // S, stamp_ns % S) + bytes(size)


def text(words: str) -> bytes:
    return b"\x00\x01\x00\x00" + struct.pack("<I", len(words) + 1) + words.encode() + b"\0"


def write(folder, count=2000, flush_every=10, close=True, split=None):
    bag = BagWriter(folder, 1, split)
    topic = bag.add_topic(JOINTS)
    for number in range(count):
        time_ns = S + number * 4_000_000
        bag.write(topic, stamped(time_ns, 64 + number % 50), time_ns + 1000, time_ns)
        if number % flush_every == flush_every - 1:
            bag.flush()
    if close:
        bag.close()
    return bag


def payloads(path):
    bag = Bag.open(path)
    return [message.payload for message in bag.messages()], bag.damages


def test_a_whole_bag_has_no_damage(tmp_path):
    write(tmp_path / "bag")
    found = report(Bag.open(tmp_path / "bag"))
    assert list(found.problems()) == [] and found.messages == 2000
    assert found.topics["/joint_states"].rate_hz == pytest.approx(250.0)


@pytest.mark.parametrize("seed", range(20))
def test_a_file_that_is_cut_anywhere_keeps_every_whole_chunk(tmp_path, seed):
    bag = write(tmp_path / "bag", close=seed % 2 == 0)
    bag.flush() if seed % 2 else None
    path = bag.paths[0]
    whole, _ = payloads(tmp_path / "bag")
    size = int(np.random.default_rng(seed).integers(8, path.stat().st_size))
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(path.read_bytes()[:size])
    found, damages = payloads(cut)
    assert damages and found == whole[: len(found)]
    if len(found) >= 10:
        saved = repair(cut, tmp_path / "repaired")
        assert payloads(tmp_path / "repaired") == (found, []) and saved.messages == len(found)
        assert cut.stat().st_size == size
    lost = len(whole) - len(found)
    assert lost * 90 < (path.stat().st_size - size) + 10 * 300


@pytest.mark.parametrize("seed", range(20))
def test_after_a_damaged_place_the_rest_is_found(tmp_path, seed):
    path = write(tmp_path / "bag").paths[0]
    whole, _ = payloads(path)
    data, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    at = int(rng.integers(2000, len(data) * 3 // 4))
    data[at : at + 20] = rng.bytes(20)
    path.write_bytes(data)
    found, _ = payloads(path)
    assert set(found) <= set(whole) and len(found) >= len(whole) - 20


def test_the_first_chunk_may_be_lost(tmp_path):
    path = write(tmp_path / "bag").paths[0]
    data = bytearray(path.read_bytes())
    data[100:130] = bytes(30)
    path.write_bytes(data)
    found, damages = payloads(path)
    assert len(found) == 1990 and "checksum" in str(damages[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"hello", "not the beginning"),
        (b"\x89MCAP0\r\n", "no end"),
        (bytes(10**5), "not the beginning"),
    ],
)
def test_a_file_with_nothing_in_it_is_reported(tmp_path, content, message):
    path = tmp_path / "bag.mcap"
    path.write_bytes(content)
    problems = list(report(Bag.open(path)).problems())
    assert message in problems[0] and problems[-1] == "there is not one whole message"
    with pytest.raises(DatasetError, match="not one whole message"):
        repair(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_repair_never_overwrites(tmp_path):
    write(tmp_path / "bag", 20)
    with pytest.raises(DatasetError, match="choose another --out"):
        repair(tmp_path / "bag", tmp_path / "bag")
    with pytest.raises(DatasetError, match="does not exist"):
        repair(tmp_path / "nowhere", tmp_path / "out")


@pytest.mark.parametrize("split", [Split(bytes=100_000), Split(seconds=2.0)])
def test_a_split_bag_is_one_recording(tmp_path, split):
    bag = write(tmp_path / "bag", split=split)
    assert 3 <= len(bag.paths) <= 6
    found, damages = payloads(tmp_path / "bag")
    assert len(found) == 2000 and damages == []
    from rosbags.rosbag2 import Reader

    with Reader(tmp_path / "bag") as reader:
        assert reader.message_count == 2000
        assert [bytes(data) for _, _, data in reader.messages()] == found


def test_clock_jumps_are_reported(tmp_path):
    bag = BagWriter(tmp_path / "bag", 1)
    topic, marks = bag.add_topic(JOINTS), bag.add_topic(MARKS)
    for number, stamp_s in enumerate((10.0, 10.1, 10.2, 7.3, 7.4)):
        bag.write(topic, stamped(round(stamp_s * S)), S + number * S // 10, S)
    bag.write(marks, text("clock_jump -2.9"), 2 * S, 2 * S)
    bag.write(topic, stamped(8 * S), S, S)
    bag.close()
    jumps = report(Bag.open(tmp_path / "bag")).jumps
    assert any("stamps jump by -2.900 s" in jump for jump in jumps)
    assert any("recorder's clock jumped by -2.9 s" in jump for jump in jumps)
    assert any("receive times go back" in jump for jump in jumps)


def test_marks_delimit_episodes(tmp_path):
    bag = BagWriter(tmp_path / "bag", 1)
    topic = bag.add_topic(MARKS)
    words = ["success", "start push the cup", "success", "start", "start reach", "oops", "discard", "start last"]
    for number, mark in enumerate(words):
        bag.write(topic, text(mark), number, number)
    bag.close()
    found = report(Bag.open(tmp_path / "bag")).episodes
    assert [(span.start_ns, span.stop_ns, span.task, span.outcome) for span in found] == [
        (1, 2, "push the cup", "success"),
        (3, 4, "", ""),
        (4, 6, "reach", "discard"),
        (7, 8, "last", ""),
    ]
    assert "next episode was started" in found[1].note and "recording ends" in found[3].note
    assert spans([Mark(1, "failure")], 5) == []


def test_a_ring_holds_the_last_seconds_within_its_memory(tmp_path):
    ring = RingBuffer(1.0, 10**6)
    topic = ring.add_topic(JOINTS)
    with pytest.raises(RobotWmError, match="nothing to save"):
        ring.snapshot().save(tmp_path / "none", 1)
    for number in range(100):
        ring.write(topic, stamped(number), number * S // 20, number * S // 20)
    held = ring.snapshot()
    ring.write(topic, bytes(999_900), 200 * S, 200 * S)
    assert ring.messages == 1 and len(held) == 21
    held.save(tmp_path / "bag", 1)
    found, _ = payloads(tmp_path / "bag")
    assert found == [stamped(number) for number in range(79, 100)]
    ring.write(topic, bytes(999_900), 200 * S, 200 * S)
    assert ring.messages == 1
