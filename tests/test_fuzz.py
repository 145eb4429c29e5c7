"""Random input at the boundaries: contracts, bundles, launch files, messages, recordings are refused in good order."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from robot_wm.contract import TABLETOP, Contract  # noqa: E402
from robot_wm.deploy.bundle import default_bundle  # noqa: E402
from robot_wm.deploy.index import parse_files, parse_index  # noqa: E402
from robot_wm.errors import RobotWmError  # noqa: E402

BOUNDED = settings(max_examples=150, deadline=None, database=None, derandomize=True)
_CHUNK = 6
"""Kind of a chunk in an MCAP file."""
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def mutated(text: str) -> st.SearchStrategy[str]:
    """A text with a piece replaced."""
    pieces = st.tuples(st.integers(0, len(text)), st.integers(0, 12), st.text(max_size=12))
    return pieces.map(lambda piece: text[: piece[0]] + piece[2] + text[piece[0] + piece[1] :])


@BOUNDED
@given(mutated(TABLETOP.to_yaml()))
def test_contracts(text: str) -> None:
    try:
        Contract.from_yaml(text, "fuzz")
    except RobotWmError:
        return


@BOUNDED
@given(st.sampled_from(["name", "latent", "metrics", "planner", "files", "chunk", "horizon", "format"]), PLAIN)
def test_indices(key: str, value: object) -> None:
    index = json.loads((default_bundle() / "bundle.json").read_text())
    index[key] = value
    try:
        parse_files(parse_index(json.dumps(index).encode(), Path("fuzz"))["files"], Path("fuzz"))
    except RobotWmError:
        return


@BOUNDED
@given(st.binary(max_size=200))
def test_indices_of_bytes(data: bytes) -> None:
    with pytest.raises(RobotWmError):
        parse_index(data, Path("fuzz"))


LAUNCH = (Path(__file__).parents[1] / "launch" / "record.launch.xml").read_text(encoding="utf-8")


@BOUNDED
@given(mutated(LAUNCH))
def test_launch_files(text: str) -> None:
    import tempfile

    import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)
    from ros_nodes.launch_xml import load_launch_file

    with tempfile.NamedTemporaryFile("w", suffix=".launch.xml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        try:
            load_launch_file(Path(file.name))
        except RobotWmError:
            return


@BOUNDED
@given(st.data())
def test_messages(data: st.DataObject) -> None:
    """Bytes that are nearly a message are decoded or refused by a typed error; what is decoded is checked."""
    import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

    coding = pytest.importorskip("rclpy.impl.coding", reason="the embedded transport's own coding")
    from rclpy.serialization import serialize_message

    good, read = data.draw(st.sampled_from(_messages()))
    raw = _damaged(data, bytes(serialize_message(good)))
    try:
        read(coding.decode(raw, type(good).TYPE_NAME))
    except (coding.CodingError, RobotWmError):
        return


def _messages() -> list[tuple[Any, Callable[[Any], object]]]:
    """A good message of each kind that a node listens to, and what reads it."""
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
    from sensor_msgs.msg import Image, JointState
    from std_msgs.msg import Float64MultiArray
    from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

    from robot_wm.contract import Camera
    from ros_nodes.arm_commands import COMMAND
    from ros_nodes.conversions import (
        Plan,
        gripper_positions_from,
        image_to_array,
        image_to_latent,
        joint_command_from,
        joints_from,
        message_to_plan,
        plan_to_message,
    )
    from ros_nodes.heart import beat_from
    from ros_nodes.robot_interfaces import Endpoint, Gripper

    names, camera = ("a", "b"), Camera("camera", "camera/image_raw", 2, 3, "rgb8", "frame")
    gripper = Gripper(("g",), 0.0, 0.04, Endpoint("topic", "gripper"))
    point = JointTrajectoryPoint(positions=[0.0, 1.0], velocities=[0.0, 1.0])
    stamp = Image().header.stamp
    plan = Plan(0.0, np.array([0.2, 0.4]), np.tile([0.5, 0.0, 0.2, 1.0, 0.0, 0.0, 0.0], (2, 1)), np.ones(2))
    figures = [KeyValue(key="busy_s", value="0.1"), KeyValue(key="active_s", value="2.0")]
    beat = DiagnosticStatus(name="node", message="active", hardware_id="1", values=figures)
    return [
        (JointState(name=list(names), position=[0.0, 1.0]), lambda m: joints_from(m, names, "fuzz")),
        (
            JointTrajectory(joint_names=list(names), points=[point]),
            lambda m: joint_command_from(m, names, COMMAND),
        ),
        (
            Image(height=2, width=3, encoding="rgb8", step=9, data=bytes(18)),
            lambda m: image_to_array(m, camera, "fuzz"),
        ),
        (
            Image(height=2, width=3, encoding="32FC1", step=12, data=bytes(24)),
            lambda m: image_to_latent(m, (2, 3), "fuzz"),
        ),
        (plan_to_message(plan, stamp, "base", "tool"), lambda m: message_to_plan(m, "base", "tool", "fuzz")),
        (Float64MultiArray(data=[0.02]), lambda m: gripper_positions_from(m, gripper, "fuzz")),
        (DiagnosticArray(status=[beat]), beat_from),
    ]


def _damaged(data: st.DataObject, good: bytes) -> bytes:
    """Some bytes are others, and perhaps the end is missing."""
    raw = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    return bytes(raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small recording."""
    pytest.importorskip("mcap")
    from robot_wm.data.bag_file import BagTopic
    from robot_wm.data.bag_writer import BagWriter

    bag = BagWriter(tmp_path_factory.mktemp("bag") / "bag", 1)
    joints = bag.add_topic(BagTopic("/joint_states", "sensor_msgs/msg/JointState", "std_msgs/Header header"))
    marks = bag.add_topic(BagTopic("/episode/mark", "std_msgs/msg/String", "string data"))
    for number in range(6):
        bag.write(joints, b"\0\1\0\0" + struct.pack("<iI", number, 0) + bytes(16), number, number)
    bag.write(marks, b"\0\1\0\0" + struct.pack("<I", 6) + b"start\0", 7, 7)
    bag.close()
    return bag.paths[0].read_bytes()


@settings(BOUNDED, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@given(data=st.data(), signs=st.booleans())
def test_recordings(data: st.DataObject, signs: bool, recording: bytes, tmp_path: Path) -> None:
    """A recording with other bytes is read as far as it is whole; with `signs` the checksum fits the forgery."""
    from robot_wm.data.bag import Bag
    from robot_wm.data.bag_repair import repair
    from robot_wm.data.bag_report import report

    raw = _forged_chunk(data, recording) if signs else _damaged(data, recording)
    file, out = tmp_path / "damaged.mcap", tmp_path / "out"
    file.write_bytes(raw)
    shutil.rmtree(out, ignore_errors=True)
    try:
        report(Bag.open(file))
        repair(file, out)
    except RobotWmError:
        return


def _forged_chunk(data: st.DataObject, recording: bytes) -> bytes:
    """The recording with its first chunk changed and the chunk's checksum made to fit."""
    at = 8
    while recording[at] != _CHUNK:
        at += 9 + struct.unpack_from("<Q", recording, at + 1)[0]
    crc, begin = at + 9 + 24, at + 9 + 24 + 4 + 4 + 8
    length = struct.unpack_from("<Q", recording, begin - 8)[0]
    records = _damaged(data, recording[begin : begin + length]).ljust(length, b"\0")
    forged = bytearray(recording)
    forged[begin : begin + length] = records
    struct.pack_into("<I", forged, crc, zlib.crc32(records))
    return bytes(forged)


@BOUNDED
@given(st.binary(max_size=300), st.sampled_from(["", "lz4", "zstd"]))
def test_chunks(data: bytes, compression: str) -> None:
    """Nothing that calls itself a chunk makes more than it says, or anything but records or a typed error."""
    from robot_wm.data.bag_records import BadRecord, chunk_records

    name = compression.encode()
    chunk = struct.pack("<QQQII", 0, 0, 64, 0, len(name)) + name + struct.pack("<Q", len(data)) + data
    try:
        assert len(chunk_records(chunk, 0, len(chunk))) == 64
    except BadRecord:
        return


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_chunk_that_would_swell_is_refused(compression: str) -> None:
    from robot_wm.data.bag_records import MOST_BYTES, BadRecord, chunk_records

    library = pytest.importorskip({"lz4": "lz4.frame", "zstd": "zstandard"}[compression])
    data = (library.compress if compression == "lz4" else library.ZstdCompressor().compress)(bytes(10_000_000))
    name = compression.encode()
    for size, words in ((64, "does not match"), (MOST_BYTES + 1, "claims to hold")):
        chunk = struct.pack("<QQQII", 0, 0, size, 0, len(name)) + name + struct.pack("<Q", len(data)) + data
        with pytest.raises(BadRecord, match=words):
            chunk_records(chunk, 0, len(chunk))


@BOUNDED
@given(st.text(max_size=40))
def test_paths_of_datasets(template: str) -> None:
    """Whatever a dataset's description says, the file lies below its folder."""
    from robot_wm.data.confined import inside

    root = Path("/dataset")
    try:
        assert inside(root, template, {"file_index": 3}).resolve().is_relative_to(root)
    except RobotWmError:
        return


@BOUNDED
@given(st.data())
def test_graphs(data: st.DataObject) -> None:
    """A graph with other bytes passes the check or is refused by a typed error."""
    from robot_wm.deploy.graph_check import check_graph

    good = (default_bundle() / "slow_policy.onnx").read_bytes()[:20_000]
    try:
        check_graph(_damaged(data, good), "fuzz")
    except RobotWmError:
        return
