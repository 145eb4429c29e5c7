"""Every launch file means the same to `robot-wm launch` and to ROS 2's own launch."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("launch_ros", reason="ROS 2's launch_ros is not installed here; run this where it is")
pytest.importorskip("launch_xml", reason="ROS 2's launch_xml is not installed here; run this where it is")

from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource

from ros_nodes.launch_xml import load_launch_file

DEADLINE_S = 60.0
LAUNCH = Path(__file__).parents[2] / "launch"
EVERY_TAG = """<launch>
  <arg name="who" default="one"><choice value="one"/><choice value="two"/></arg>
  <arg name="speed" default="0.5" description="A number."/>
  <let name="twice" value="$(var who)$(var who)"/>
  <set_env name="COLOUR" value="red"/>
  <group>
    <let name="who" value="inside"/>
    <push-ros-namespace namespace="outer"/>
    <push_ros_namespace namespace="inner"/>
    <node pkg="robot_wm" exec="planner_node" name="$(var who)" namespace="deep" args="--ros-args --log-level debug">
      <param name="number" value="$(var speed)"/>
      <param name="text" value="0.5" type="str"/>
      <param name="flag" value="true"/>
      <param name="words" value="[a, b]"/>
      <param name="nested"><param name="p" value="1"/><param name="deeper"><param name="d" value="2.5"/></param></param>
      <param from="$(dirname)/params.yaml"/>
      <remap from="goal/image" to="/goal"/>
      <remap from="a" to="b"/>
      <env name="SIZE" value="$(env COLOUR)-$(env NO_SUCH none)"/>
    </node>
  </group>
  <group scoped="false"><let name="leaks" value="out"/></group>
  <node pkg="robot_wm" exec="sim_node" name="$(var twice)" namespace="/absolute" if="$(not false)">
    <param name="leaks" value="$(var leaks)"/>
    <param name="compared" value="$(eval &quot;'$(var who)' == 'one'&quot;)"/>
    <param name="both" value="$(and true $(equals a a))"/>
  </node>
  <include file="$(dirname)/inner.launch.xml"><arg name="told" value="by outer"/></include>
  <node pkg="robot_wm" exec="controller_node" name="controller" unless="false">
    <param name="leaked_argument" value="$(var told)"/>
    <param name="leaked_default" value="$(var undeclared)"/>
  </node>
  <node pkg="robot_wm" exec="recorder_node" name="never" if="false"/>
</launch>
"""
INNER = """<launch>
  <arg name="told"/>
  <arg name="undeclared" default="from inside"/>
  <push_ros_namespace namespace="included"/>
  <node pkg="robot_wm" exec="perception_node" name="seen"><param name="told" value="$(var told)"/></node>
</launch>
"""
CASES: list[dict[str, str]] = [
    {},
    {"namespace": "left", "use_sim_time": "true", "autostart": "false", "use_respawn": "true", "log_level": "debug"},
]
PROGRAM = f"""#!{sys.executable}
import json, os, pathlib, sys
words = sys.argv[1:]
files = [words[i + 1] for i, word in enumerate(words) if word == "--params-file"]
told = {{"words": words, "files": {{file: pathlib.Path(file).read_text() for file in files}}}}
told["environment"] = {{name: os.environ.get(name) for name in ("COLOUR", "SIZE")}}
with open(__file__ + ".told", "a") as out:
    print(json.dumps(told), file=out)
"""
"""Stands where ROS 2 looks for a node's program, and writes down what it was told."""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of programs in an install prefix that ROS 2 knows."""
    marker = tmp_path / "share/ament_index/resource_index/packages/robot_wm"
    folder = tmp_path / "lib/robot_wm"
    marker.parent.mkdir(parents=True)
    marker.touch()
    folder.mkdir(parents=True)
    for file in (LAUNCH.parent / "ros_nodes").glob("*.py"):
        (folder / file.stem).write_text(PROGRAM)
        (folder / file.stem).chmod(0o755)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))
    # ROS 2's <set_env> changes this very process.
    monkeypatch.delenv("COLOUR", raising=False)
    return folder


def meaning(words: list[str], files: dict[str, str], environment: dict[str, str | None]) -> dict[str, Any]:
    """Rules, shared parameter files, effective parameters and environment of a process."""
    found: dict[str, Any] = {"rules": {"__ns": "/"}, "files": [], "parameters": {}, "environment": environment}
    for flag, value in zip(words, words[1:], strict=False):
        name, _, right = value.partition(":=")
        if flag in ("-r", "--remap"):
            found["rules"][name] = right
        elif flag in ("-p", "--param"):
            found["parameters"][name] = yaml.safe_load(right)
        elif flag == "--log-level":
            found["rules"][flag] = value
        elif flag == "--params-file" and Path(value).name == "params.yaml":
            found["files"].append(value)
        elif flag == "--params-file":
            for section in yaml.safe_load(files[value]).values():
                found["parameters"] |= dict(flat(section["ros__parameters"]))
    return found


def flat(section: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Parameters by dotted names."""
    for name, value in section.items():
        yield from flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]


class Run:
    """One run by ROS 2: until all programs have ended, or have been started twice where they are started again."""

    def __init__(self, file: Path, arguments: dict[str, str], programs: Path, names: list[str]) -> None:
        self._programs, self._names = programs, names
        self._service = LaunchService(noninteractive=True)
        source = AnyLaunchDescriptionSource(str(file))
        include = IncludeLaunchDescription(source, launch_arguments=arguments.items())
        self._service.include_launch_description(LaunchDescription([include]))
        self._over = threading.Event()
        watcher = threading.Thread(target=self._end_when_all_started_twice)
        watcher.start()
        assert self._service.run() == 0
        self._over.set()
        watcher.join()

    def starts(self) -> dict[str, list[dict[str, Any]]]:
        """What each program was told at each of its starts."""
        return {
            note.stem: [meaning(**json.loads(line)) for line in note.read_text().splitlines()]
            for note in self._programs.glob("*.told")
        }

    def _end_when_all_started_twice(self) -> None:
        end = time.monotonic() + DEADLINE_S
        while not self._over.wait(0.1):
            twice = sum(len(starts) > 1 for starts in self.starts().values()) == len(self._names)
            if twice or time.monotonic() > end:
                self._service.shutdown()
                return


def check(file: Path, arguments: dict[str, str], programs: Path) -> None:
    """Compares what both make of a launch file."""
    ours = load_launch_file(file, arguments).processes
    names = sorted(process.label for process in ours)
    theirs = Run(file, arguments, programs, names).starts()
    assert sorted(theirs) == names
    for process in ours:
        starts = theirs[process.label]
        environment = {name: process.environment.get(name) for name in ("COLOUR", "SIZE")}
        assert starts[0] == meaning(list(process.command), {}, environment)
        assert (len(starts) > 1) == process.respawn


@pytest.mark.parametrize("arguments", CASES, ids=["defaults", "arguments"])
@pytest.mark.parametrize("file", sorted(LAUNCH.glob("*.launch.xml")), ids=lambda file: file.name)
def test_both_start_the_same(file: Path, arguments: dict[str, str], programs: Path) -> None:
    check(file, arguments, programs)


@pytest.mark.parametrize("arguments", [{}, {"who": "two", "speed": "2"}], ids=["defaults", "arguments"])
def test_both_understand_every_tag_alike(arguments: dict[str, str], programs: Path, tmp_path: Path) -> None:
    file = tmp_path / "every_tag.launch.xml"
    file.write_text(EVERY_TAG)
    (tmp_path / "inner.launch.xml").write_text(INNER)
    (tmp_path / "params.yaml").write_text("{}")
    check(file, arguments, programs)
