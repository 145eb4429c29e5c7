"""Parameters of one node as another sees them: services, events, use_sim_time, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # noqa: F401  # isort: skip
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, ParameterEvent, ParameterType
from rclpy.exceptions import (
    InvalidParameterValueException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
)
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.parameter_client import AsyncParameterClient
from rclpy.time import Time
from rosgraph_msgs.msg import Clock

SERVICES = (
    "describe_parameters",
    "get_parameter_types",
    "get_parameters",
    "list_parameters",
    "set_parameters",
    "set_parameters_atomically",
)


@pytest.fixture
def arm(contexts: Any) -> Any:
    """A node with some parameters."""
    node = contexts.make("arm", namespace="/left")
    span = FloatingPointRange(from_value=0.0, to_value=1.0)
    node.declare_parameter("rate", 0.5, ParameterDescriptor(description="how fast", floating_point_range=[span]))
    node.declare_parameter("gains.p", 3)
    node.declare_parameter("gains.d.fast", [1.0, 2.0])
    node.declare_parameter("fixed", "so", ParameterDescriptor(read_only=True))
    node.declare_parameter("open", Parameter.Type.STRING)
    return node


@pytest.fixture
def client(contexts: Any, arm: Any) -> AsyncParameterClient:
    """Another process's view of them."""
    client = AsyncParameterClient(contexts.make("other"), "/left/arm")
    contexts.until(client.services_are_ready)
    return client


def test_every_node_offers_the_six_services_unless_told_not_to(contexts: Any, arm: Any) -> None:
    silent = contexts.make("silent", start_parameter_services=False)
    contexts.until(lambda: ("arm", "/left") in silent.get_node_names_and_namespaces())
    offered = lambda name, space: dict(silent.get_service_names_and_types_by_node(name, space))  # noqa: E731
    contexts.until(lambda: {f"/left/arm/{name}" for name in SERVICES} <= offered("arm", "/left").keys())
    assert not {f"/silent/{name}" for name in SERVICES} & offered("silent", "/").keys()


def test_list_by_prefix_and_depth(contexts: Any, client: AsyncParameterClient) -> None:
    def names(**options: Any) -> set[str]:
        return set(contexts.result(client.list_parameters(**options)).result.names)

    assert {"rate", "gains.p", "gains.d.fast", "fixed", "open", "use_sim_time"} <= names()
    assert names(prefixes=["gains"]) == {"gains.p", "gains.d.fast"}
    assert names(prefixes=["gains"], depth=1) == {"gains.p"}
    assert "gains.p" not in names(depth=1)
    result = contexts.result(client.list_parameters(prefixes=["gains"])).result
    assert set(result.prefixes) == {"gains", "gains.d"}


def test_get_types_and_descriptions(contexts: Any, client: AsyncParameterClient) -> None:
    values = contexts.result(client.get_parameters(["rate", "gains.d.fast", "fixed"])).values
    assert [parameter_value_to_python(value) for value in values] == [0.5, [1.0, 2.0], "so"]
    types = contexts.result(client.get_parameter_types(["rate", "gains.p"])).types
    assert list(types) == [ParameterType.PARAMETER_DOUBLE, ParameterType.PARAMETER_INTEGER]
    rate, fixed = contexts.result(client.describe_parameters(["rate", "fixed"])).descriptors
    assert (rate.name, rate.description, rate.floating_point_range[0].to_value) == ("rate", "how fast", 1.0)
    assert fixed.read_only
    assert fixed.type == ParameterType.PARAMETER_STRING


@pytest.mark.parametrize("names", [["nothing"], ["rate", "nothing"], ["open"]])
def test_a_question_about_a_missing_value_gets_an_empty_answer(
    contexts: Any, client: AsyncParameterClient, names: list[str]
) -> None:
    assert not contexts.result(client.get_parameters(names)).values


def test_set_one_by_one_says_why_not(contexts: Any, arm: Any, client: AsyncParameterClient) -> None:
    wanted = [
        Parameter("rate", value=0.75),
        Parameter("rate", value=2.0),
        Parameter("fixed", value="other"),
        Parameter("gains.p", value=1.5),
        Parameter("nothing", value=1),
        Parameter("open", value="now").to_parameter_msg(),
    ]
    results = contexts.result(client.set_parameters(wanted)).results
    assert [result.successful for result in results] == [True, False, False, False, False, True]
    for result, part in zip(results[1:5], ("range", "read-only", "type", "undeclared"), strict=True):
        assert part in result.reason
    assert arm.get_parameter("rate").value == 0.75
    assert arm.get_parameter("open").value == "now"


def test_deleting_a_parameter_of_fixed_type_is_refused(contexts: Any, arm: Any, client: AsyncParameterClient) -> None:
    results = contexts.result(client.delete_parameters(["rate", "nothing"])).results
    assert [result.successful for result in results] == [False, False]
    assert results[0].reason == "Static parameter cannot be undeclared" and "undeclared" in results[1].reason
    assert arm.get_parameter("rate").value == 0.5


def test_values_out_of_range_or_between_steps_are_refused_with_the_range(arm: Any) -> None:
    whole = ParameterDescriptor(integer_range=[IntegerRange(from_value=10, to_value=2, step=4)])
    arm.declare_parameter("turns", 6, whole)
    step = ParameterDescriptor(floating_point_range=[FloatingPointRange(from_value=0.0, to_value=1.0, step=0.1)])
    arm.declare_parameter("share", 0.30000000001, step)
    for name, value, words in (
        ("turns", 11, ("out of range", "Min: 2", "Max: 10", "value: 11")),
        ("turns", 7, ("turns", "7", "4")),
        ("share", -0.1, ("out of range", "Min: 0.0", "Max: 1.0")),
        ("share", 0.35, ("share", "0.35", "0.1")),
        ("share", float("nan"), ("out of range",)),
    ):
        result = arm.set_parameters([Parameter(name, value=value)])[0]
        assert not result.successful and all(word in result.reason for word in words), result.reason
    assert arm.set_parameters([Parameter("turns", value=10), Parameter("share", value=0.7)])[1].successful


def test_a_descriptor_can_be_replaced(arm: Any) -> None:
    wide = ParameterDescriptor(
        type=ParameterType.PARAMETER_DOUBLE, floating_point_range=[FloatingPointRange(from_value=0.4, to_value=9.0)]
    )
    assert arm.set_descriptor("rate", wide).double_value == 0.5
    assert arm.describe_parameter("rate").name == "rate" and arm.set_parameters([Parameter("rate", value=8.0)])[0]
    assert arm.get_parameter("rate").value == 8.0
    narrow = ParameterDescriptor(
        type=ParameterType.PARAMETER_DOUBLE, floating_point_range=[FloatingPointRange(from_value=0.0, to_value=1.0)]
    )
    with pytest.raises(InvalidParameterValueException):
        arm.set_descriptor("rate", narrow)
    alternative = Parameter("rate", value=0.9).get_parameter_value()
    assert arm.set_descriptor("rate", narrow, alternative).double_value == arm.get_parameter("rate").value == 0.9
    with pytest.raises(ParameterImmutableException):
        arm.set_descriptor("fixed", ParameterDescriptor())
    with pytest.raises(ParameterNotDeclaredException):
        arm.set_descriptor("nothing", ParameterDescriptor())


def test_set_atomically_is_all_or_nothing(contexts: Any, arm: Any, client: AsyncParameterClient) -> None:
    wanted = [Parameter("gains.p", value=9), Parameter("rate", value=7.0)]
    assert not contexts.result(client.set_parameters_atomically(wanted)).result.successful
    assert arm.get_parameter("gains.p").value == 3
    assert contexts.result(client.set_parameters_atomically(wanted[:1])).result.successful
    assert arm.get_parameter("gains.p").value == 9


def test_load_a_file_into_a_running_node(contexts: Any, arm: Any, client: AsyncParameterClient, tmp_path: Path) -> None:
    file = tmp_path / "arm.yaml"
    file.write_text("/left/arm:\n  ros__parameters:\n    rate: 0.25\n    gains:\n      p: 4\n")
    results = contexts.result(client.load_parameter_file(str(file))).results
    assert [result.successful for result in results] == [True, True]
    assert (arm.get_parameter("rate").value, arm.get_parameter("gains.p").value) == (0.25, 4)


def test_events_tell_what_is_new_changed_and_deleted(contexts: Any, arm: Any, client: AsyncParameterClient) -> None:
    events: list[ParameterEvent] = []
    subscription = client.on_parameter_event(events.append)
    contexts.until(lambda: arm.count_subscribers("/parameter_events") and subscription.get_publisher_count() >= 2)
    arm.declare_parameter("late", 1, ParameterDescriptor(dynamic_typing=True))
    arm.set_parameters([Parameter("late", value="text")])
    contexts.result(client.delete_parameters(["late"]))
    of_arm = lambda: [event for event in events if event.node == "/left/arm"]  # noqa: E731
    contexts.until(lambda: len(of_arm()) == 3)
    new, changed, deleted = of_arm()
    assert [parameter.name for parameter in new.new_parameters] == ["late"]
    assert changed.changed_parameters[0].value.string_value == "text"
    assert [parameter.name for parameter in deleted.deleted_parameters] == ["late"]
    assert new.stamp.sec > 0
    assert not arm.has_parameter("late")


def test_simulated_time_can_be_turned_on_and_off_from_outside(
    contexts: Any, arm: Any, client: AsyncParameterClient
) -> None:
    clock = client.node.create_publisher(Clock, "/clock", 10)

    def set_simulated(value: bool) -> bool:
        results = contexts.result(client.set_parameters([Parameter("use_sim_time", value=value)])).results
        return bool(results[0].successful)

    assert set_simulated(True)
    contexts.until(lambda: clock.get_subscription_count() == 1)

    def follows() -> bool:
        clock.publish(Clock(clock=Time(seconds=5).to_msg()))
        return arm.get_clock().now().nanoseconds == 5 * 10**9

    contexts.until(follows)
    assert set_simulated(False)
    assert arm.get_clock().now().nanoseconds > 10**18
    contexts.until(lambda: clock.get_subscription_count() == 0)


def test_undeclaring(arm: Any) -> None:
    arm.undeclare_parameter("rate")
    assert not arm.has_parameter("rate")
    with pytest.raises(ParameterNotDeclaredException):
        arm.undeclare_parameter("rate")
    with pytest.raises(ParameterImmutableException):
        arm.undeclare_parameter("fixed")


def test_callbacks_before_and_after_a_set(arm: Any) -> None:
    told: list[list[str]] = []
    arm.add_pre_set_parameters_callback(lambda given: [*given, Parameter("gains.p", value=8)])
    arm.add_post_set_parameters_callback(lambda done: told.append([parameter.name for parameter in done]))
    assert arm.set_parameters([Parameter("rate", value=0.1)])[0].successful
    assert arm.get_parameter("gains.p").value == 8
    assert told == [["rate", "gains.p"]]


def test_given_values_declare_parameters_where_wanted(contexts: Any) -> None:
    node = contexts.make("free", "--ros-args", "-p", "rate:=0.5", automatically_declare_parameters_from_overrides=True)
    assert node.get_parameter("rate").value == 0.5
    assert {name: p.value for name, p in node.get_parameters_by_prefix("").items()}["rate"] == 0.5


def test_undeclared_parameters_are_allowed_where_wanted(contexts: Any) -> None:
    node = contexts.make("lenient", allow_undeclared_parameters=True)
    assert node.get_parameter("nothing").type_ == Parameter.Type.NOT_SET
    assert node.set_parameters([Parameter("new", value=[1, 2])])[0].successful
    assert node.get_parameter("new").value == [1, 2]
