"""Launch files without ROS 2: what they mean, what is refused, and the processes."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from ros_nodes.launch_description import LaunchDescription
from ros_nodes.launch_service import LaunchService
from ros_nodes.launch_tree import LaunchError
from ros_nodes.launch_xml import load_launch_file

ROOT = Path(__file__).parents[2]
DEADLINE_S = 40.0


def load(folder: Path, text: str, environment: dict[str, str] | None = None, **arguments: str) -> LaunchDescription:
    file = folder / "test.launch.xml"
    file.write_text(f"<launch>\n{textwrap.dedent(text).strip()}\n</launch>\n")
    return load_launch_file(file, arguments, environment or {})


def test_node_arguments(tmp_path: Path) -> None:
    description = load(
        tmp_path,
        """
        <arg name="rate" default="5.0"/>
        <arg name="task"/>
        <node pkg="robot_wm" exec="planner_node" name="plan" namespace="left" args="--ros-args --log-level debug">
          <param from="$(dirname)/p.yaml"/>
          <param name="rate" value="$(var rate)"/>
          <param name="task" value="$(var task)"/>
          <param name="digits" value="007" type="str"/>
          <param name="on" value="true"/>
          <param name="gains"><param name="p" value="[1, 2]"/></param>
          <remap from="goal/image" to="/goal"/>
          <env name="OMP_NUM_THREADS" value="1"/>
        </node>
        """,
        task="push",
    )
    (process,) = description.processes
    assert process.node is not None
    assert process.node.parameters == (
        (None, f"{tmp_path}/p.yaml"),
        ("rate", 5.0),
        ("task", "push"),
        ("digits", "007"),
        ("on", True),
        ("gains.p", [1, 2]),
    )
    assert process.command == (
        *(sys.executable, "-m", "ros_nodes.planner_node", "--ros-args", "--log-level", "debug"),
        *("--ros-args", "-r", "__node:=plan", "-r", "__ns:=/left", "-r", "goal/image:=/goal"),
        *("--params-file", f"{tmp_path}/p.yaml", "-p", "rate:=5.0", "-p", 'task:="push"', "-p", 'digits:="007"'),
        *("-p", "on:=true", "-p", "gains.p:=[1, 2]"),
    )
    assert process.environment == {"OMP_NUM_THREADS": "1"}


def test_groups_conditions_namespaces_and_includes(tmp_path: Path) -> None:
    (tmp_path / "inner.launch.xml").write_text(
        '<launch><arg name="who"/><arg name="with_default" default="$(var who)"/>'
        '<executable cmd="echo $(var who) $(var with_default) $(env SCOPED none)"/></launch>'
    )
    description = load(
        tmp_path,
        """
        <arg name="both" default="true"/>
        <let name="word" value="let"/>
        <group>
          <let name="word" value="group"/>
          <set_env name="SCOPED" value="yes"/>
          <push_ros_namespace namespace="outer"/>
          <push-ros-namespace namespace="inner"/>
          <node pkg="robot_wm" exec="sim_node"/>
          <include file="$(dirname)/inner.launch.xml"><arg name="who" value="$(var word)"/></include>
        </group>
        <executable cmd="echo $(var word)" if="$(var both)"/>
        <executable cmd="echo never" unless="$(var both)"/>
        <executable cmd="echo $(not true) $(equals a a) $(env HOME) $(env NONE fallback)"
                    if="$(eval &quot;'$(var word)' == 'let'&quot;)"/>
        <node pkg="robot_wm" exec="sim_node"/>
        """,
        environment={"HOME": "/home/x"},
    )
    inside, included, shown, last, outside = description.processes
    assert inside.node is not None and inside.node.namespace == "/outer/inner"
    assert included.command == ("echo", "group", "group", "yes")
    assert included.environment == {"SCOPED": "yes"}
    assert shown.command == ("echo", "let")
    assert last.command == ("echo", "false", "true", "/home/x", "fallback")
    assert outside.node is not None and outside.node.namespace == ""
    assert outside.environment == {}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("<nod pkg='a'/>", 2, "<nod>: unknown tag"),
        ("<let name='a'\n value='b'/>\n<node pkg='robot_wm' exec='sim_node' machine='x'/>", 4, "attribute 'machine'"),
        ("<node pkg='robot_wm'/>", 2, "attribute 'exec' is missing"),
        ("<node pkg='robot_wm' exec='flying_node'/>", 2, "there is no such node"),
        ("<node pkg='turtlesim' exec='turtlesim_node'/>", 2, "only robot_wm's nodes"),
        ("<executable cmd='echo $(var nothing)'/>", 2, "no argument 'nothing'"),
        ("<executable cmd='echo $(command ls)'/>", 2, "unknown substitution '$(command ls)'"),
        ("<executable cmd='echo $(var x'/>", 2, "has no ')'"),
        ("<executable cmd='echo' if=\"$(eval '__import__(chr(111))')\"/>", 2, "only comparisons"),
        ("<executable cmd='echo' if='perhaps'/>", 2, "must be true or false"),
        ("<include file='missing.xml'/>", 2, "missing.xml does not exist"),
        ("<arg name='needed'/>", 2, "'needed' needs a value"),
        ("<node pkg='robot_wm' exec='sim_node'><param nam='a'/></node>", 2, "attribute 'nam'"),
        ("<node pkg='robot_wm' exec='sim_node'><remap from='a'/></node>", 2, "attribute 'to' is missing"),
        ("<group>\n<executable cmd='x' shell='true'/></group>", 3, "attribute 'shell'"),
        ("<arg name='a' default='1'>", 3, "not XML"),
        ("<include file='$(filename)'/>", 0, "includes itself"),
    ],
)
def test_what_is_not_understood_is_an_error_with_its_place(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(LaunchError) as caught:
        load(tmp_path, text)
    assert message in str(caught.value)
    assert f"test.launch.xml:{line}:" in str(caught.value) if line else True


def test_unknown_argument_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="no argument 'ratte'; its arguments are: rate"):
        load(tmp_path, '<arg name="rate" default="1"/>', ratte="2")
    with pytest.raises(LaunchError, match="cannot be read"):
        load_launch_file(tmp_path / "nothing.launch.xml")


@pytest.mark.parametrize("file", sorted((ROOT / "launch").glob("*.launch.xml")), ids=lambda file: file.name)
def test_own_launch_files_are_understood(file: Path) -> None:
    description = load_launch_file(file, environment={})
    assert description.processes
    for process in description.processes:
        assert process.node is not None and process.node.name


def run(folder: Path, text: str) -> tuple[int, str]:
    output = io.StringIO()
    service = LaunchService(output)
    service.start(load(folder, text))
    try:
        code = service.wait(DEADLINE_S)
    finally:
        service.shutdown()
    assert code is not None, output.getvalue()
    return code, output.getvalue()


def test_output_is_prefixed_and_success_is_zero(tmp_path: Path) -> None:
    code, output = run(tmp_path, """<executable cmd="sh -c 'echo one; echo two >&amp;2'" name="say"/>""")
    assert code == 0
    assert "[say-1] one\n" in output
    assert "[say-1] two\n" in output


def test_failure_is_reported_and_others_go_on(tmp_path: Path) -> None:
    code, output = run(tmp_path, """<executable cmd="false"/><executable cmd="sh -c 'sleep 0.5; echo end'"/>""")
    assert code == 1
    assert "[ERROR] [false-1]: process has died" in output
    assert "[sh-2] end" in output


def test_required_process_ends_everything(tmp_path: Path) -> None:
    began = time.monotonic()
    code, output = run(tmp_path, """<executable cmd="sleep 300"/><executable cmd="true" on_exit="shutdown"/>""")
    assert code == 1
    assert "true-2 is required and has ended" in output
    assert time.monotonic() - began < DEADLINE_S


def test_respawn_comes_later_each_time(tmp_path: Path) -> None:
    script = f"echo x >> {tmp_path}/starts; [ $(wc -l < {tmp_path}/starts) -lt 3 ] || sleep 300"
    (tmp_path / "script.sh").write_text(script)
    service = LaunchService(output := io.StringIO())
    text = f'<executable cmd="sh {tmp_path}/script.sh" name="again" respawn="true" respawn_delay="0.05"/>'
    service.start(load(tmp_path, text))
    end = time.monotonic() + DEADLINE_S
    while service.processes["again-1"].starts < 3 and time.monotonic() < end:
        assert service.wait(0.05) is None
    assert service.processes["again-1"].starts == 3
    assert re.findall(r"starts again in ([\d.]+) s", output.getvalue()) == ["0.05", "2.05"]
    assert service.shutdown() == 0
    assert service.processes["again-1"].popen.poll() is not None


def test_program_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="cannot start '/no/such/program'"):
        run(tmp_path, '<executable cmd="/no/such/program"/>')


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_line_forwards_signals(tmp_path: Path, number: signal.Signals) -> None:
    file = tmp_path / "wait.launch.xml"
    program = "import signal, sys; signal.signal(signal.SIGINT, lambda *_: sys.exit(0)); print('up'); signal.pause()"
    (tmp_path / "wait.py").write_text(program)
    file.write_text(
        f'<launch><arg name="x"/><executable cmd="{sys.executable} {tmp_path}/wait.py" name="wait"/></launch>'
    )
    command = [sys.executable, "-m", "robot_wm.cli", "launch", str(file), "x:=1"]
    launcher = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True
    )
    assert launcher.stdout is not None
    try:
        while launcher.stdout.readline().strip() != "[wait-1] up":
            assert launcher.poll() is None
        launcher.send_signal(number)
        rest, _ = launcher.communicate(timeout=DEADLINE_S)
    finally:
        launcher.kill()
        launcher.wait()
    assert launcher.returncode == 0, rest
    assert "[wait-1]: process has finished [exit code 0]" in rest
