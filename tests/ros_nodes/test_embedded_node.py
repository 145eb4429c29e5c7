"""A node of the embedded rclpy alone: parameters, names, time, timers, arguments, logging."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # isort: skip
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor, SetParametersResult
from rclpy.clock import ClockType
from rclpy.duration import Duration
from rclpy.exceptions import (
    InvalidNodeNameException,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    InvalidTopicNameException,
    ParameterAlreadyDeclaredException,
    ParameterNotDeclaredException,
)
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.time import Time
from rosgraph_msgs.msg import Clock as ClockMessage
from std_msgs.msg import String

pytest.importorskip("rclpy.impl.arguments", reason="a real rclpy is installed")


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    context = rclpy.Context()
    rclpy.init(context=context, args=[], domain_id=random.SystemRandom().randrange(100, 200))
    yield context
    context.shutdown()


def make(context: Any, *arguments: str, **options: Any) -> Node:
    return Node("arm", context=context, cli_args=list(arguments), **options)


def test_parameter_default_override_and_set(context: Any) -> None:
    node = make(context, "-p", "rate:=20.5", "-p", "names:=[a, b]", "-p", "other:rate:=1.0")
    assert node.declare_parameter("rate", 10.0).value == 20.5
    assert node.declare_parameter("names", ["x"]).value == ["a", "b"]
    assert node.declare_parameter("label", "none").value == "none"
    assert node.set_parameters([Parameter("label", value="some")])[0].successful
    assert node.get_parameter("label").value == "some"
    refused = node.set_parameters([Parameter("label", value=3)])[0]
    assert not refused.successful
    assert "STRING" in refused.reason
    node.destroy_node()


def test_parameter_errors(context: Any) -> None:
    node = make(context, "-p", "rate:=fast", "-p", "gain:=7.0")
    with pytest.raises(InvalidParameterTypeException, match="expecting type 'DOUBLE'"):
        node.declare_parameter("rate", 10.0)
    within = ParameterDescriptor(floating_point_range=[FloatingPointRange(from_value=0.0, to_value=1.0)])
    with pytest.raises(InvalidParameterValueException, match="out of range"):
        node.declare_parameter("gain", 0.5, within)
    node.declare_parameter("once", 1)
    with pytest.raises(ParameterAlreadyDeclaredException):
        node.declare_parameter("once", 1)
    with pytest.raises(ParameterNotDeclaredException):
        node.get_parameter("never")
    node.declare_parameter("fixed", 1, ParameterDescriptor(read_only=True))
    assert "read-only" in node.set_parameters([Parameter("fixed", value=2)])[0].reason
    node.destroy_node()


def test_callback_can_refuse_a_parameter(context: Any) -> None:
    node = make(context)
    node.declare_parameter("rate", 10.0)

    def check(parameters: list[Parameter]) -> SetParametersResult:
        good = all(parameter.value < 100 for parameter in parameters)
        return SetParametersResult(successful=good, reason="" if good else "too fast")

    node.add_on_set_parameters_callback(check)
    assert node.set_parameters([Parameter("rate", value=1000.0)])[0].reason == "too fast"
    assert node.set_parameters([Parameter("rate", value=99.0)])[0].successful
    assert node.get_parameter("rate").value == 99.0
    node.destroy_node()


PARAMETER_FILE = """
/**:
  ros__parameters: {rate: 1.0, only_all: true}
arm:
  ros__parameters:
    rate: 2.0
/left/arm:
  ros__parameters: {rate: 3.0}
left:
  other: {ros__parameters: {rate: 4.0}}
/*/arm:
  ros__parameters:
    gains: {p: 5, d: [1, 2.5]}
"""


@pytest.mark.parametrize(("namespace", "rate", "p"), [("", 2.0, None), ("left", 3.0, 5), ("right", 1.0, 5)])
def test_parameter_file(context: Any, tmp_path: Path, namespace: str, rate: float, p: int | None) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(PARAMETER_FILE)
    node = make(context, "--params-file", str(file), namespace=namespace)
    assert node.declare_parameter("rate", 0.0).value == rate
    assert node.declare_parameter("only_all", False).value is True
    assert node.declare_parameter("gains.p", Parameter.Type.INTEGER).value == p
    if p is not None:
        assert node.declare_parameter("gains.d", [0.0]).value == [1.0, 2.5]
    node.destroy_node()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--params-file", "/nowhere.yaml"], "/nowhere.yaml cannot be read"),
        (["-r", "from"], "must look like 'from:=to'"),
        (["-r", "a b:=c"], "'a b' is no topic or service name"),
        (["-r", "image:=/camera//image"], "'/camera//image' is no topic or service name"),
        (["-r", "__nod:=other"], "renames '__nod'; of these names there are __node, __name, __ns"),
        (["-p", "rate"], "must look like 'name:=value'"),
        (["-p", "rate:=[1"], "the value is not YAML"),
        (["--log-level", "loud"], "must be one of debug"),
        (["--remab", "a:=b"], "unknown argument '--remab'"),
        (["-p"], "needs a value"),
        (["-p", "a:={b: 1}"], "must be a bool"),
    ],
)
def test_bad_arguments_are_refused(context: Any, arguments: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(context, *arguments)


def test_names(context: Any) -> None:
    node = make(context, "-r", "chat:=/talk", "-r", "~/own:=mine", namespace="left")
    assert node.resolve_topic_name("image") == "/left/image"
    assert node.resolve_topic_name("/image") == "/image"
    assert node.resolve_topic_name("~/image") == "/left/arm/image"
    assert node.resolve_topic_name("chat") == "/talk"
    assert node.resolve_topic_name("~/own") == "/left/mine"
    for bad in ("", "a b", "a//b", "1a", "~x"):
        with pytest.raises(InvalidTopicNameException):
            node.create_publisher(String, bad, 1)
    node.destroy_node()
    with pytest.raises(InvalidNodeNameException):
        Node("my-node", context=context)


def test_one_topic_cannot_have_two_types_in_a_process(context: Any) -> None:
    node = make(context)
    node.create_publisher(String, "mixed", 1)
    with pytest.raises(RuntimeError, match="rt/mixed has type std_msgs/msg/String"):
        node.create_publisher(ClockMessage, "mixed", 1)
    node.destroy_node()


def test_timer_keeps_its_period_and_can_be_cancelled(context: Any) -> None:
    node = make(context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    times: list[float] = []
    timer = node.create_timer(0.02, lambda: times.append(time.monotonic()))
    end = time.monotonic() + 10.0
    while len(times) < 10 and time.monotonic() < end:
        executor.spin_once(timeout_sec=1.0)
    assert len(times) == 10
    assert times[-1] - times[0] >= 0.15
    timer.cancel()
    executor.spin_once(timeout_sec=0.05)
    assert len(times) == 10
    timer.reset()
    executor.spin_once(timeout_sec=5.0)
    assert len(times) == 11
    executor.shutdown()
    node.destroy_node()


def test_simulated_time_drives_clock_and_timers(context: Any) -> None:
    node = make(context, "-p", "use_sim_time:=true")
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    source = node.create_publisher(ClockMessage, "/clock", 10)
    ticks: list[int] = []
    node.create_timer(1.0, lambda: ticks.append(node.get_clock().now().nanoseconds))

    def advance(seconds: int) -> None:
        source.publish(ClockMessage(clock=Time(seconds=seconds).to_msg()))
        end = time.monotonic() + 10.0
        while node.get_clock().now().nanoseconds < seconds * 10**9 and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.1)
        executor.spin_once(timeout_sec=0.0)

    assert node.get_clock().now().nanoseconds == 0
    advance(5)
    advance(6)
    assert ticks[-1] == 6 * 10**9
    assert len(ticks) == 2
    executor.shutdown()
    node.destroy_node()


def test_guard_condition_and_task(context: Any) -> None:
    node = make(context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    seen: list[str] = []
    guard = node.create_guard_condition(lambda: seen.append("guard"))
    guard.trigger()
    executor.spin_once(timeout_sec=5.0)
    future = executor.create_task(lambda: "done")
    executor.spin_until_future_complete(future, timeout_sec=5.0)
    assert seen == ["guard"]
    assert future.result() == "done"
    executor.shutdown()
    node.destroy_node()


def test_time_arithmetic() -> None:
    start = Time(seconds=10, clock_type=ClockType.ROS_TIME)
    later = start + Duration(seconds=0.5)
    assert (later - start).nanoseconds == 500_000_000
    assert Time.from_msg(later.to_msg()) == later
    assert start < later
    with pytest.raises(TypeError):
        assert start < Time(seconds=1, clock_type=ClockType.STEADY_TIME)


def test_log_line_level_and_throttle(context: Any, capfd: pytest.CaptureFixture[str]) -> None:
    node = make(context, namespace="left")
    logger = node.get_logger()
    logger.debug("hidden")
    for _ in range(3):
        logger.warning("shown", throttle_duration_sec=100.0)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("[WARN] [")
    assert lines[0].endswith("] [left.arm]: shown")
    node.destroy_node()
