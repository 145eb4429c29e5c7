"""Random input at the boundaries: contracts, bundle indices, launch files and messages are refused in good order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from robot_wm.contract import TABLETOP, Contract  # noqa: E402
from robot_wm.deploy.bundle import default_bundle  # noqa: E402
from robot_wm.deploy.index import parse_files, parse_index  # noqa: E402
from robot_wm.errors import RobotWmError  # noqa: E402

BOUNDED = settings(max_examples=150, deadline=None, database=None, derandomize=True)
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
    from sensor_msgs.msg import JointState
    from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

    from ros_nodes.arm_commands import COMMAND
    from ros_nodes.conversions import joint_command_from, joints_from

    names = ("a", "b")
    state = JointState(name=list(names), position=[0.0, 1.0])
    point = JointTrajectoryPoint(positions=[0.0, 1.0], velocities=[0.0, 1.0])
    command = JointTrajectory(joint_names=list(names), points=[point])
    good = data.draw(st.sampled_from([state, command]))
    raw = bytearray(serialize_message(good))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw
    try:
        message = coding.decode(bytes(raw), type(good).TYPE_NAME)
        if isinstance(good, JointState):
            joints_from(message, names, "fuzz")
        else:
            joint_command_from(message, names, COMMAND)
    except (coding.CodingError, RobotWmError):
        return
