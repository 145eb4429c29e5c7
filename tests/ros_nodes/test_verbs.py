"""`robot-wm topic`, `node`, `service`, `param`, `lifecycle` and `action` against a node in another process."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # noqa: F401  # isort: skip
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import Float32MultiArray, String

from robot_wm.cli import main
from robot_wm.errors import RobotWmError
from ros_nodes.verbs.interfaces import Brevity, field_of, from_yaml, interface, to_yaml
from ros_nodes.verbs.topic_hz import report

PEER = Path(__file__).with_name("verbs_peer.py")
Command = Callable[..., str]


@pytest.fixture(scope="module")
def talker() -> Iterator[None]:
    """The peer, on a domain that this process uses, too."""
    previous = os.environ.get("ROS_DOMAIN_ID")
    os.environ["ROS_DOMAIN_ID"] = str(random.SystemRandom().randrange(100, 200))
    environment = os.environ | {"PYTHONPATH": f"{PEER.parents[2]}:{os.environ.get('PYTHONPATH', '')}"}
    peer = subprocess.Popen([sys.executable, str(PEER)], env=environment, stdout=subprocess.PIPE, text=True)
    assert peer.stdout is not None
    assert peer.stdout.readline().strip() == "ready"
    yield
    peer.terminate()
    peer.communicate(timeout=30)
    del os.environ["ROS_DOMAIN_ID"]
    if previous is not None:
        os.environ["ROS_DOMAIN_ID"] = previous


@pytest.fixture
def robot_wm(talker: None, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs one command; gives standard output where it succeeds, and standard error otherwise."""

    def run(*words: str, fails: bool = False) -> str:
        code = main(list(words))
        shown = capsys.readouterr()
        assert code == (2 if fails else 0), shown.err
        if fails:
            assert shown.err.count("\n") == 1, "an error is one line"
        return shown.err if fails else shown.out

    return run


def test_topic_list(robot_wm: Command) -> None:
    lines = robot_wm("topic", "list", "-t").splitlines()
    assert "/joint_states [sensor_msgs/msg/JointState]" in lines
    assert "/chat [std_msgs/msg/String]" in lines
    assert lines == sorted(lines)
    plain = robot_wm("topic", "list").splitlines()
    assert plain == [line.split()[0] for line in lines]
    assert robot_wm("topic", "list", "-c").strip() == str(len(plain))
    assert " * /joint_states [sensor_msgs/msg/JointState] 1 publisher\n" in robot_wm("topic", "list", "-v")


def test_topic_info(robot_wm: Command) -> None:
    expected = "Type: sensor_msgs/msg/JointState\nPublisher count: 1\nSubscription count: 0\n"
    assert robot_wm("topic", "info", "/joint_states") == expected
    verbose = robot_wm("topic", "info", "joint_states", "-v")
    assert "Publisher count: 1\n\nNode name: talker\nNode namespace: /\n" in verbose
    assert "  Reliability: RELIABLE\n" in verbose


def test_topic_echo(robot_wm: Command) -> None:
    message, end = robot_wm("topic", "echo", "/joint_states", "--once").split("---")
    assert yaml.safe_load(message)["name"] == ["a", "b"]
    assert message.startswith("header:\n  stamp:\n    sec: 0\n")
    assert end == "\n"
    assert robot_wm("topic", "echo", "/joint_states", "--once", "--field", "position") == "- 1.0\n- 2.5\n---\n"
    assert robot_wm("topic", "echo", "/joint_states", "--once", "--field", "header.stamp.sec") == "0\n---\n"


def test_topic_echo_of_a_latched_image_is_cut(robot_wm: Command) -> None:
    shown = yaml.safe_load(robot_wm("topic", "echo", "/picture", "--once", "-l", "3").split("---")[0])
    assert shown["data"] == [0, 0, 0, "..."]
    shown = yaml.safe_load(robot_wm("topic", "echo", "/picture", "--once", "--no-arr").split("---")[0])
    assert shown["data"] == "<sequence type: uint8, length: 200>"


def test_topic_echo_says_what_is_missing(robot_wm: Command) -> None:
    assert "no message on '/chat' within 0.2 s" in robot_wm("topic", "echo", "/chat", "--timeout", "0.2", fails=True)
    unknown = robot_wm("topic", "echo", "/nothing", fails=True)
    assert "Unknown topic '/nothing'; there are /chat, /heard, /joint_states" in unknown


def test_topic_pub_reaches_the_node(robot_wm: Command) -> None:
    shown = robot_wm("topic", "pub", "-1", "/chat", "std_msgs/msg/String", "{data: hello}")
    assert "publishing #1: std_msgs.msg.String(data='hello')" in shown
    assert robot_wm("topic", "echo", "/heard", "--once", "--field", "data") == "hello\n---\n"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("/chat", "std_msgs/msg/String", "{dat: 1}"), "there is no field 'dat'; its message has data"),
        (("/chat", "std_msgs/msg/Strin"), "'std_msgs/msg/Strin'"),
        (("/chat", "nowhere_msgs/msg/String"), "package 'nowhere_msgs' has no msg here"),
        (("/chat//too", "std_msgs/msg/String"), "Invalid topic name"),
        (("/chat", "String"), "must look like 'package/msg/Name'"),
        (("/chat", "std_msgs/msg/String", "{data: 5"), "not YAML"),
        (("/chat", "std_msgs/msg/String", "-r", "0"), "rate must be above 0"),
        (
            ("/joint_states", "sensor_msgs/msg/JointState", "-1", "--max-wait-time-secs", "0.2"),
            "'/joint_states' has 0 matching subscriptions after 0.2 s",
        ),
    ],
)
def test_topic_pub_says_what_is_wrong(robot_wm: Command, words: tuple[str, ...], part: str) -> None:
    assert part in robot_wm("topic", "pub", *words, fails=True)


def test_topic_hz(robot_wm: Command) -> None:
    shown = robot_wm("topic", "hz", "/joint_states", "--reports", "1")
    assert shown.startswith("average rate: ")
    assert float(shown.split()[2]) == pytest.approx(20.0, rel=0.5)


def test_a_reader_that_has_enough_ends_the_verb_quietly(talker: None) -> None:
    command = [sys.executable, "-m", "robot_wm.cli", "topic", "echo", "/joint_states"]
    echo = subprocess.Popen(command, cwd=PEER.parents[2], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert echo.stdout is not None and echo.stderr is not None
    assert echo.stdout.readline() == "header:\n"
    echo.stdout.close()
    assert echo.wait(30) == 141
    assert echo.stderr.read() == ""


def test_hz_report() -> None:
    text = report([0.0, 0.1, 0.2, 0.4])
    assert text == "average rate: 7.500\n\tmin: 0.100s max: 0.200s std dev: 0.04714s window: 3"


def test_node_list_and_info(robot_wm: Command) -> None:
    assert robot_wm("node", "list") == "/talker\n"
    assert robot_wm("node", "list", "-c") == "1\n"
    assert len(robot_wm("node", "list", "-a").splitlines()) == 2
    shown = robot_wm("node", "info", "/talker")
    assert shown.startswith("/talker\n  Subscribers:\n    /chat: std_msgs/msg/String\n")
    publishers = shown.partition("  Publishers:\n")[2].partition("\n\n")[0].splitlines()
    assert "    /joint_states: sensor_msgs/msg/JointState" in publishers
    servers = shown.partition("  Service Servers:\n")[2].partition("\n\n")[0].splitlines()
    assert "    /talker/get_parameters: rcl_interfaces/srv/GetParameters" in servers
    assert "    /talker/get_state: lifecycle_msgs/srv/GetState" in servers


def test_a_domain_that_is_none_is_refused(robot_wm: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", "twelve")
    assert "domain" in robot_wm("topic", "list", fails=True).lower()


def test_unknown_node_is_named_with_the_known_ones(robot_wm: Command) -> None:
    assert "Node not found: '/walker'; there are /talker" in robot_wm("node", "info", "walker", fails=True)


def test_service_list_type_and_call(robot_wm: Command) -> None:
    assert "/switch [std_srvs/srv/SetBool]" in robot_wm("service", "list", "-t").splitlines()
    assert robot_wm("service", "type", "/switch") == "std_srvs/srv/SetBool\n"
    shown = robot_wm("service", "call", "/switch", "std_srvs/srv/SetBool", "{data: true}")
    assert "making request: std_srvs.srv.SetBool_Request(data=True)" in shown
    assert "response:\nstd_srvs.srv.SetBool_Response(success=True, message='on')" in shown


def test_service_call_says_what_is_wrong(robot_wm: Command) -> None:
    wrong = robot_wm("service", "call", "/switch", "std_srvs/srv/SetBool", "{data: 3}", fails=True)
    assert "field 'data' (boolean)" in wrong
    missing = robot_wm("service", "call", "/swich", "std_srvs/srv/SetBool", "--timeout", "0.3", fails=True)
    assert "Unknown service '/swich'; there are /switch" in missing
    other = robot_wm("service", "call", "/switch", "std_srvs/srv/Trigger", fails=True)
    assert "'/switch' is of type std_srvs/srv/SetBool" in other


def test_param_list_and_get(robot_wm: Command) -> None:
    assert robot_wm("param", "list", "/talker").splitlines()[:2] == ["  gains.p", "  names"]
    assert "/talker:\n  gains.p\n" in robot_wm("param", "list")
    assert "  names (type: string array)" in robot_wm("param", "list", "/talker", "--param-type").splitlines()
    assert robot_wm("param", "get", "/talker", "names") == "String values are: ['a', 'b']\n"
    assert robot_wm("param", "get", "/talker", "gains.p") == "Integer value is: 3\n"
    assert robot_wm("param", "get", "/talker", "gains.p", "--hide-type") == "3\n"
    assert robot_wm("param", "get", "talker", "use_sim_time") == "Boolean value is: False\n"


def test_param_set(robot_wm: Command) -> None:
    assert robot_wm("param", "set", "/talker", "rate", "0.5") == "Set parameter successful\n"
    assert robot_wm("param", "get", "/talker", "rate") == "Double value is: 0.5\n"


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("rate", "5.0", "out of range"),
        ("rate", "fast", "expected 'Type.DOUBLE' got 'Type.STRING'"),
        ("rate", "-0.5", "out of range"),
        ("gains.p", "4", "read-only"),
        ("pace", "1.0", "node '/talker' has no parameter 'pace'; it has gains.p, names"),
    ],
)
def test_param_set_says_why_not(robot_wm: Command, name: str, value: str, part: str) -> None:
    assert part in robot_wm("param", "set", "/talker", name, value, fails=True)


def test_param_get_of_what_is_not_there(robot_wm: Command) -> None:
    assert "has no parameter 'pace'" in robot_wm("param", "get", "/talker", "pace", fails=True)
    assert "Parameter not set" in robot_wm("param", "get", "/talker", "open", fails=True)
    assert "Node not found: '/walker'" in robot_wm("param", "get", "/walker", "pace", fails=True)


def test_param_describe(robot_wm: Command) -> None:
    shown = robot_wm("param", "describe", "/talker", "rate", "gains.p")
    assert shown == (
        "Parameter name: rate\n  Type: double\n  Description: how fast\n  Constraints:\n"
        "    Min value: 0.0\n    Max value: 1.0\n"
        "Parameter name: gains.p\n  Type: integer\n  Constraints:\n    Read only: true\n"
    )


def test_param_dump_is_a_parameter_file(robot_wm: Command) -> None:
    section = yaml.safe_load(robot_wm("param", "dump", "/talker"))["/talker"]["ros__parameters"]
    assert section["gains"] == {"p": 3}
    assert section["names"] == ["a", "b"]
    assert "open" not in section


def test_lifecycle(robot_wm: Command) -> None:
    assert robot_wm("lifecycle", "get", "/talker") == "unconfigured [1]\n"
    assert robot_wm("lifecycle", "get") == "/talker: unconfigured [1]\n"
    assert "- configure [1]\n\tStart: unconfigured\n" in robot_wm("lifecycle", "list", "/talker")
    unknown = robot_wm("lifecycle", "set", "/talker", "activate", fails=True)
    assert "Unknown transition requested: 'activate'; available ones are: configure [1]" in unknown
    assert robot_wm("lifecycle", "set", "/talker", "configure") == "Transitioning successful\n"
    assert robot_wm("lifecycle", "get", "/talker") == "inactive [2]\n"
    assert robot_wm("lifecycle", "set", "/talker", "cleanup") == "Transitioning successful\n"


def test_action_list_and_info(robot_wm: Command) -> None:
    assert robot_wm("action", "list") == "/grip\n"
    assert robot_wm("action", "list", "-t") == "/grip [control_msgs/action/GripperCommand]\n"
    shown = robot_wm("action", "info", "grip", "-t")
    assert shown == (
        "Action: /grip\nAction clients: 0\nAction servers: 1\n    /talker [control_msgs/action/GripperCommand]\n"
    )
    assert "Unknown action '/go'; there are /grip" in robot_wm("action", "info", "/go", fails=True)
    assert "  Action Servers:\n    /grip: control_msgs/action/GripperCommand\n" in robot_wm("node", "info", "/talker")


def test_parts_of_actions_are_hidden(robot_wm: Command) -> None:
    assert "_action" not in robot_wm("topic", "list") + robot_wm("service", "list") + robot_wm("node", "info", "talker")
    assert "/grip/_action/feedback" in robot_wm("topic", "list", "--include-hidden-topics").splitlines()


def test_message_from_yaml_and_back() -> None:
    text = "{header: {stamp: {sec: 3}, frame_id: base}, pose: {position: {x: 1, y: -0.5}, orientation: {w: 1}}}"
    message = from_yaml(PoseStamped(), text)
    assert (message.header.stamp.sec, message.header.frame_id) == (3, "base")
    assert (message.pose.position.x, message.pose.position.y, message.pose.orientation.w) == (1.0, -0.5, 1.0)
    assert from_yaml(PoseStamped(), to_yaml(message, Brevity(None))) == message
    assert field_of(message, "pose.position").y == -0.5


def test_lists_and_nested_lists_from_yaml() -> None:
    text = "{layout: {dim: [{label: rows, size: 2, stride: 2}, {label: columns}]}, data: [1, 2.5]}"
    message = from_yaml(Float32MultiArray(), text)
    assert [dimension.label for dimension in message.layout.dim] == ["rows", "columns"]
    assert list(message.data) == [1.0, 2.5]
    assert from_yaml(Float32MultiArray(), to_yaml(message, Brevity(None))) == message


def test_stamp_of_now() -> None:
    assert from_yaml(PoseStamped(), "{header: auto}").header.stamp.sec > 10**9
    assert from_yaml(PoseStamped(), "{header: {stamp: now}}").header.stamp.sec > 10**9


@pytest.mark.parametrize(
    ("message", "text", "part"),
    [
        (JointState(), "{position: 1.0}", r"field 'position' \(sequence<double>\) must be a list; got 1.0"),
        (JointState(), "{position: [a]}", "position"),
        (JointState(), "{header: {stamp: {sec: 1.5}}}", "field 'header.stamp.sec'"),
        (String(), "{data: 5}", "field 'data' is text; put quotes around 5"),
        (String(), "[1]", "the message must be a mapping of data"),
    ],
)
def test_values_that_do_not_fit_are_refused(message: object, text: str, part: str) -> None:
    with pytest.raises(RobotWmError, match=part):
        from_yaml(message, text)


def test_interface_by_short_and_long_name() -> None:
    assert interface("std_msgs/String", "msg") is interface("std_msgs/msg/String", "msg") is String
    with pytest.raises(RobotWmError, match="must look like 'package/srv/Name'"):
        interface("std_msgs/msg/String", "srv")
