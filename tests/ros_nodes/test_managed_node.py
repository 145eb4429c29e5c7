"""What every managed node does: lifecycle in each state, rules of parameters, callbacks that raise, a clear exit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # isort: skip
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_msgs.msg import String
from std_srvs.srv import Trigger

from robot_wm.errors import RobotWmError
from ros_nodes.managed_node import Change, ManagedNode
from ros_nodes.qos import LATEST

ROOT = Path(__file__).parents[2]
SUCCESS, FAILURE, ERROR = (
    TransitionCallbackReturn.SUCCESS,
    TransitionCallbackReturn.FAILURE,
    TransitionCallbackReturn.ERROR,
)


class Probe(ManagedNode):
    """A node with one topic and one service that fails where it is told to."""

    def __init__(self) -> None:
        super().__init__("probe")
        self.parameter("model", "first", "Read when configured.", change=Change.UNCONFIGURED)
        self.parameter("budget_s", 0.1, "Free.", 0.01, 1.0)
        self.parameter("speed", 0.5, "Limit.", 0.0, 1.0, Change.LOWER)
        self.parameter("margin", 0.5, "Limit.", 0.0, 1.0, Change.HIGHER)
        self.fail_in: dict[str, Exception] = {}
        self.done: list[str] = []
        self.heard: list[str] = []

    def _do(self, what: str) -> None:
        if what in self.fail_in:
            raise self.fail_in[what]
        self.done.append(what)

    def on_setup(self) -> None:
        self.listen(String, "word", self._on_word, LATEST)
        self.echo = self.advertise(String, "echo", LATEST)
        self.offer(Trigger, "probe/check", self._check)
        self._do("setup")

    def on_start(self) -> None:
        self._do("start")

    def on_stop(self) -> None:
        self.echo.publish(String(data="stopped"))
        self._do("stop")

    def _on_word(self, message: String) -> None:
        self._do("word")
        self.heard.append(message.data)

    def _check(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._do("check")
        response.success = True
        return response


@pytest.fixture
def probe(domain: int, spin: Callable[..., Any]) -> Probe:
    rclpy.init(args=[], domain_id=domain)
    return spin(Probe(), threads=3)


def change(peer: Any, transition: int) -> bool:
    """Asks for a transition as a lifecycle manager does."""
    return peer.call(
        ChangeState, "probe/change_state", ChangeState.Request(transition=Transition(id=transition))
    ).success


def state(peer: Any) -> int:
    return peer.call(GetState, "probe/get_state", GetState.Request()).current_state.id


def test_up_and_down_and_up_again(probe: Probe, peer: Any) -> None:
    assert change(peer, Transition.TRANSITION_CONFIGURE) and state(peer) == State.PRIMARY_STATE_INACTIVE
    assert change(peer, Transition.TRANSITION_ACTIVATE) and state(peer) == State.PRIMARY_STATE_ACTIVE
    assert peer.trigger("probe/check").success
    assert change(peer, Transition.TRANSITION_DEACTIVATE) and change(peer, Transition.TRANSITION_CLEANUP)
    assert state(peer) == State.PRIMARY_STATE_UNCONFIGURED
    assert probe.done == ["setup", "start", "check", "stop"]
    assert probe.trigger_configure() == SUCCESS and probe.trigger_activate() == SUCCESS
    assert peer.trigger("probe/check").success
    assert probe.trigger_shutdown() == SUCCESS and state(peer) == State.PRIMARY_STATE_FINALIZED
    assert probe.done[-1] == "stop"


@pytest.mark.parametrize("steps", [(), ("configure",), ("configure", "activate")])
def test_shutdown_from_each_state(probe: Probe, steps: tuple[str, ...]) -> None:
    for step in steps:
        assert getattr(probe, f"trigger_{step}")() == SUCCESS
    assert probe.trigger_shutdown() == SUCCESS
    assert probe.stage == "finalized" and not probe.is_active
    assert ("stop" in probe.done) == ("activate" in steps)


def test_transitions_that_do_not_start_here_are_refused(probe: Probe) -> None:
    with pytest.raises(RuntimeError):
        probe.trigger_activate()
    assert probe.trigger_configure() == SUCCESS
    with pytest.raises(RuntimeError):
        probe.trigger_configure()
    assert probe.stage == "inactive" and probe.trigger_activate() == SUCCESS


def test_a_manager_that_asks_for_such_a_transition_gets_an_answer(probe: Probe, peer: Any) -> None:
    assert not change(peer, Transition.TRANSITION_DEACTIVATE) and not change(peer, 99)
    assert state(peer) == State.PRIMARY_STATE_UNCONFIGURED
    assert change(peer, Transition.TRANSITION_CONFIGURE) and not change(peer, Transition.TRANSITION_CONFIGURE)
    assert state(peer) == State.PRIMARY_STATE_INACTIVE


@pytest.mark.parametrize(
    ("where", "error", "answer", "after"),
    [
        ("setup", RobotWmError("no file"), FAILURE, State.PRIMARY_STATE_UNCONFIGURED),
        ("setup", KeyError("x"), ERROR, State.PRIMARY_STATE_UNCONFIGURED),
        ("start", RobotWmError("no arm"), FAILURE, State.PRIMARY_STATE_INACTIVE),
        ("start", KeyError("x"), ERROR, State.PRIMARY_STATE_UNCONFIGURED),
        ("stop", KeyError("x"), ERROR, State.PRIMARY_STATE_UNCONFIGURED),
    ],
)
def test_errors_in_transitions(
    probe: Probe, peer: Any, where: str, error: Exception, answer: TransitionCallbackReturn, after: int
) -> None:
    probe.fail_in[where] = error
    answers = [probe.trigger_configure()]
    if where != "setup":
        answers.append(probe.trigger_activate())
    if where == "stop":
        answers.append(probe.trigger_deactivate())
    assert answers[-1] == answer
    assert state(peer) == after and not probe.is_active
    words = {"setup": "cannot configure", "start": "cannot activate", "stop": "cannot deactivate"}[where]
    peer.until(lambda: words in peer.health.get("probe", {}).get("message", ""))
    del probe.fail_in[where]
    if after == State.PRIMARY_STATE_UNCONFIGURED:
        assert probe.trigger_configure() == SUCCESS
    assert probe.trigger_activate() == SUCCESS and peer.trigger("probe/check").success


def test_callbacks_that_raise_are_named_and_the_node_goes_on(probe: Probe, peer: Any) -> None:
    words = peer.node.create_publisher(String, "word", LATEST)
    assert probe.trigger_configure() == SUCCESS and probe.trigger_activate() == SUCCESS
    probe.fail_in = {"word": ValueError("three"), "check": RuntimeError("four")}
    peer.until(lambda: words.get_subscription_count() > 0)
    words.publish(String(data="a"))
    peer.until_health("probe", "word: message not handled: test_managed_node.py")
    assert "ValueError: three" in peer.health["probe"]["last_failure"]
    assert not peer.trigger("probe/check").success
    peer.until_health("probe", "probe/check: call not handled")
    probe.fail_in = {}
    words.publish(String(data="b"))
    peer.until(lambda: probe.heard == ["b"])
    assert state(peer) == State.PRIMARY_STATE_ACTIVE


def test_parameters_change_when_it_is_safe(probe: Probe) -> None:
    def put(name: str, value: Any) -> str:
        result = probe.set_parameters([Parameter(name, value=value)])[0]
        return "" if result.successful else result.reason

    assert put("model", "second") == "" and put("speed", 0.8) == ""
    assert probe.trigger_configure() == SUCCESS
    assert "only when the node is configured" in put("model", "third")
    assert put("budget_s", 0.9) == "" and "out of range" in put("budget_s", 2.0)
    assert put("speed", 0.2) == "" and put("speed", 0.8) == ""
    assert "limit that was 0.8" in put("speed", 0.9) and "limit that was 0.5" in put("margin", 0.4)
    assert put("margin", 0.6) == ""
    assert "read" in put("autostart", True)
    assert probe.get_parameter("speed").value == 0.8 and probe.get_parameter("model").value == "second"
    assert probe.trigger_cleanup() == SUCCESS
    assert put("model", "third") == "" and put("speed", 1.0) == ""
    assert "unconfigured" in probe.describe_parameter("model").additional_constraints


def test_a_rate_changes_at_run_time(probe: Probe, peer: Any) -> None:
    from diagnostic_msgs.msg import DiagnosticArray

    heard = peer.watch(DiagnosticArray, "/diagnostics", 20)
    peer.until(lambda: len(heard) > 1)
    assert probe.set_parameters([Parameter("diagnostics_rate", value=10.0)])[0].successful
    peer.until(lambda: len(heard) > 8)
    assert heard[-1][0] - heard[-4][0] < 1.0


def node_output(*arguments: str) -> tuple[int, str]:
    """Exit code and words of a node that cannot start."""
    command = [sys.executable, "-m", "ros_nodes.perception_node", "--ros-args", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, env=dict(os.environ))
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-p", "diagnostics_rate:=fast"), "diagnostics_rate"),
        (("-p", "diagnostics_rate:=100.0"), "diagnostics_rate"),
        (("--params-file", "/nowhere.yaml"), "/nowhere.yaml"),
        (("-r", "nonsense"), "nonsense"),
        (("-r", "__node:=9a"), "9a"),
        (("--no-such-flag",), "--no-such-flag"),
    ],
)
def test_a_wrong_command_line_ends_with_one_clear_line(arguments: tuple[str, ...], words: str) -> None:
    code, output = node_output(*arguments)
    (line,) = [line for line in output.splitlines() if "cannot start" in line]
    assert code == 2 and words in line
    assert "Traceback" not in output


def test_a_malformed_parameter_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("perception_node: [1, 2\n")
    code, output = node_output("--params-file", str(file))
    assert code == 2 and str(file) in output and "Traceback" not in output


def test_unknown_parameters_and_a_second_node_of_the_name_are_said(processes: Any, peer: Any) -> None:
    processes.start("perception_node", nonsense=3)
    peer.until(
        lambda: "unknown parameters are ignored: nonsense; known are: autostart" in processes.log("perception_node")
    )
    second = rclpy.create_node("perception_node", context=peer.context)
    peer.until(lambda: "another node is named /perception_node too" in processes.log("perception_node"), 10.0)
    second.destroy_node()
    peer.until(lambda: "the other node of the same name is gone" in processes.log("perception_node"), 20.0)
    assert processes.log("perception_node").count("/perception_node too") == 1


def test_sigint_stops_in_good_order(processes: Any, peer: Any) -> None:
    processes.start("perception_node")
    peer.until_active("perception_node")
    processes.stop_all()
    assert "Traceback" not in processes.log("perception_node")
