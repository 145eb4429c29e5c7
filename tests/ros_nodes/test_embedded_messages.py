"""Messages of the embedded rclpy: defaults, checks, equality and the bytes on the wire."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import pytest

import ros_nodes

coding = pytest.importorskip("rclpy.impl.coding", reason="a real rclpy is installed")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, JointState  # noqa: E402
from std_msgs.msg import Header, String  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

assert ros_nodes.EMBEDDED.is_dir()


def test_defaults_and_keywords() -> None:
    state = JointState(header=Header(frame_id="base"), name=["a", "b"], position=[1.0, 2.0])
    assert state.header.frame_id == "base"
    assert state.header.stamp.sec == 0
    assert list(state.position) == [1.0, 2.0]
    assert len(state.velocity) == 0
    assert DiagnosticStatus().level == DiagnosticStatus.OK == b"\0"
    assert not Trigger.Response().success


def test_equality_is_by_value() -> None:
    one, other = CameraInfo(k=[float(i) for i in range(9)]), CameraInfo(k=np.arange(9.0))
    assert one == other
    other.header.frame_id = "camera"
    assert one != other
    assert String(data="x") != Header(frame_id="x")


@pytest.mark.parametrize(
    ("kind", "values", "field", "expected"),
    [
        (JointState, {"position": [1]}, "position", "float"),
        (JointState, {"name": "joint"}, "name", "sequence"),
        (Image, {"height": -1}, "height", "[0, 4294967295]"),
        (Image, {"header": 3}, "header", "std_msgs/Header"),
        (CameraInfo, {"k": [0.0] * 8}, "k", "9"),
        (String, {"data": b"bytes"}, "data", "str"),
    ],
)
def test_wrong_values_are_refused_with_the_field_and_what_it_takes(
    kind: Any, values: dict[str, Any], field: str, expected: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        kind(**values)
    assert f"'{field}'" in str(caught.value)
    assert expected in str(caught.value)


def test_unknown_field_is_refused() -> None:
    with pytest.raises(AssertionError, match="nam; its fields are header, name"):
        JointState(nam=["a"])
    with pytest.raises(AttributeError):
        JointState().nam = ["a"]


@pytest.mark.parametrize(
    "make", [bytes, bytearray, lambda data: array("B", data), lambda data: np.frombuffer(data, np.uint8)]
)
def test_pixels_come_as_any_buffer(make: Any) -> None:
    pixels = bytes(range(256)) * 3
    image = Image(data=make(pixels))
    assert isinstance(image.data, array)
    assert bytes(image.data) == pixels


def test_every_type_survives_the_wire() -> None:
    from rclpy.impl.messages import message_class
    from rclpy.impl.types import STORE

    for name in STORE.fielddefs:
        message = message_class(name)()
        assert coding.decode(coding.encode(message), name) == message


def test_values_survive_the_wire() -> None:
    status = DiagnosticStatus(level=DiagnosticStatus.ERROR, name="näme", message="späße")
    message = DiagnosticArray(header=Header(frame_id="odd"), status=[status, DiagnosticStatus()])
    assert coding.decode(coding.encode(message), message.TYPE_NAME) == message
    image = Image(height=2, width=3, encoding="rgb8", step=9, data=bytes(range(18)))
    assert coding.decode(coding.encode(image), image.TYPE_NAME) == image


def test_bytes_are_those_of_ros() -> None:
    header = Header(frame_id="ab")
    header.stamp.sec, header.stamp.nanosec = 1, 2
    assert coding.encode(header) == bytes.fromhex("00010000 01000000 02000000 03000000 616200")
    assert coding.decode(bytes.fromhex("00000000 00000001 00000002 00000003 616200"), "std_msgs/msg/Header") == header


@pytest.mark.parametrize("size", [0, 3, 10, 40])
def test_truncated_payload_is_refused(size: int) -> None:
    payload = coding.encode(Image(data=bytes(100)))
    with pytest.raises(coding.CodingError, match="sensor_msgs/msg/Image"):
        coding.decode(payload[:size], "sensor_msgs/msg/Image")


def test_field_types_read_as_in_the_interface() -> None:
    types = JointState.get_fields_and_field_types()
    assert types == {
        "header": "std_msgs/Header",
        "name": "sequence<string>",
        "position": "sequence<double>",
        "velocity": "sequence<double>",
        "effort": "sequence<double>",
    }


def test_type_hashes_are_those_of_ros() -> None:
    from rclpy.impl.types import type_hash

    known = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"
    assert type_hash("std_msgs/msg/String") == known
    known = "RIHS01_91a0593bacdcc50ea9bdcf849a938b128412cc1ea821245c663bcd26f83c295e"
    assert type_hash("rmw_dds_common/msg/ParticipantEntitiesInfo") == known


def test_type_hashes_of_what_an_action_is_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that ROS 2 Jazzy announces for example_interfaces/action/Fibonacci."""
    from rclpy.impl import types

    fibonacci = "example_interfaces/action/Fibonacci"
    texts = types.action_texts(fibonacci, "int32 order\n---\nint32[] sequence\n---\nint32[] sequence")
    for name, text in texts.items():
        monkeypatch.setitem(types.STORE.fielddefs, name, types.parse(name, text))
    request = "RIHS01_3d088942b413247db536576f0286768c6be8fcd5d0c9a5d544f359fba090a238"
    assert types.type_hash(fibonacci + "_SendGoal_Request") == request
    feedback = "RIHS01_c1de71afd52e49a89c53d8262366884185bc0a02f78ce051c4e46b0a7fe59bb2"
    assert types.type_hash(fibonacci + "_FeedbackMessage") == feedback


def test_fields_begin_with_the_defaults_of_their_definition() -> None:
    from geometry_msgs.msg import PoseStamped, Quaternion, TransformStamped

    assert Quaternion() == Quaternion(x=0.0, y=0.0, z=0.0, w=1.0)
    assert PoseStamped().pose.orientation.w == 1.0
    assert TransformStamped().transform.rotation.w == 1.0
    assert Quaternion(w=0.5).w == 0.5
