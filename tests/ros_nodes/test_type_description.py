"""What a node says of the types of its topics."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # noqa: F401  # isort: skip
from geometry_msgs.msg import PoseStamped
from type_description_interfaces.msg import FieldType
from type_description_interfaces.srv import GetTypeDescription


@pytest.fixture
def ask(contexts: Any) -> Any:
    """Asks a node that publishes poses; an empty hash stands for that of its topic."""
    node, caller = contexts.make("arm"), contexts.make("caller")
    node.create_publisher(PoseStamped, "pose", 1)
    client = caller.create_client(GetTypeDescription, "/arm/get_type_description")
    contexts.until(lambda: client.service_is_ready() and caller.get_publishers_info_by_topic("/pose"))
    own = str(caller.get_publishers_info_by_topic("/pose")[0].topic_type_hash)

    def call(type_hash: str = "", **options: Any) -> Any:
        request = GetTypeDescription.Request(
            type_name="geometry_msgs/msg/PoseStamped", type_hash=type_hash or own, **options
        )
        return contexts.result(client.call_async(request))

    return call


def test_a_type_with_all_that_is_inside(ask: Any) -> None:
    answer = ask()
    assert answer.successful and answer.failure_reason == ""
    whole = answer.type_description
    assert whole.type_description.type_name == "geometry_msgs/msg/PoseStamped"
    fields = {field.name: field.type for field in whole.type_description.fields}
    assert fields["pose"].type_id == FieldType.FIELD_TYPE_NESTED_TYPE
    assert fields["pose"].nested_type_name == "geometry_msgs/msg/Pose"
    inner = {
        each.type_name: [field.type.type_id for field in each.fields] for each in whole.referenced_type_descriptions
    }
    assert list(inner) == sorted(inner) and len(inner) == 5
    assert inner["geometry_msgs/msg/Quaternion"] == [FieldType.FIELD_TYPE_DOUBLE] * 4
    assert inner["std_msgs/msg/Header"] == [FieldType.FIELD_TYPE_NESTED_TYPE, FieldType.FIELD_TYPE_STRING]
    assert {each.type_name for each in answer.type_sources} == {whole.type_description.type_name, *inner}
    assert ask(include_type_sources=False).type_sources == []


def test_types_that_it_does_not_know(ask: Any) -> None:
    answer = ask("RIHS01_" + 64 * "0")
    assert not answer.successful and "not currently in use" in answer.failure_reason
    answer = ask("nonsense")
    assert not answer.successful and answer.failure_reason


def test_the_service_can_be_left_out(contexts: Any) -> None:
    node = contexts.make("arm", "--ros-args", "-p", "start_type_description_service:=false")
    names = [name for name, _ in node.get_service_names_and_types_by_node("arm", "/")]
    assert "/arm/get_parameters" in names and "/arm/get_type_description" not in names
    assert node.describe_parameter("start_type_description_service").read_only


@pytest.mark.skipif(importlib.util.find_spec("rclpy.impl.type_descriptions") is None, reason="a real rclpy has its own")
def test_descriptions_are_what_the_hashes_are_of() -> None:
    import hashlib
    import json

    from rclpy.impl.type_descriptions import type_description
    from rclpy.impl.types import STORE, type_hash

    def plain(part: Any) -> Any:
        fields = [
            {"name": field.name, "type": {name: getattr(field.type, name) for name in FieldType.KINDS}}
            for field in part.fields
        ]
        return {"type_name": part.type_name, "fields": fields}

    for name in ("sensor_msgs/msg/Image", "std_msgs/msg/Empty", "rcl_interfaces/msg/ParameterDescriptor"):
        found = type_description(name)
        whole = {
            "type_description": plain(found.type_description),
            "referenced_type_descriptions": [plain(each) for each in found.referenced_type_descriptions],
        }
        assert name in STORE.fielddefs
        assert "RIHS01_" + hashlib.sha256(json.dumps(whole).encode()).hexdigest() == type_hash(name)
