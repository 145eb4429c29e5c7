"""Every launch file means the same to `robot-wm launch` and to ROS 2's own launch."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
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
CASES: list[dict[str, str]] = [
    {},
    {"namespace": "left", "use_sim_time": "true", "autostart": "false", "use_respawn": "true", "log_level": "debug"},
]
PROGRAM = f"""#!{sys.executable}
import json, pathlib, sys
words = sys.argv[1:]
files = [words[i + 1] for i, word in enumerate(words) if word == "--params-file"]
told = {{"words": words, "files": {{file: pathlib.Path(file).read_text() for file in files}}}}
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
    return folder


def meaning(words: list[str], files: dict[str, str]) -> dict[str, Any]:
    """Rules, shared parameter files and effective parameters of a command line."""
    found: dict[str, Any] = {"rules": {"__ns": "/"}, "files": [], "parameters": {}}
    for flag, value in zip(words, words[1:], strict=False):
        name, _, right = value.partition(":=")
        if flag in ("-r", "--remap"):
            found["rules"][name] = right
        elif flag in ("-p", "--param"):
            found["parameters"][name] = yaml.safe_load(right)
        elif flag == "--log-level":
            found["rules"][flag] = value
        elif flag == "--params-file" and Path(value).parent == LAUNCH:
            found["files"].append(value)
        elif flag == "--params-file":
            for section in yaml.safe_load(files[value]).values():
                found["parameters"] |= section["ros__parameters"]
    return found


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


@pytest.mark.parametrize("arguments", CASES, ids=["defaults", "arguments"])
@pytest.mark.parametrize("file", sorted(LAUNCH.glob("*.launch.xml")), ids=lambda file: file.name)
def test_both_start_the_same(file: Path, arguments: dict[str, str], programs: Path) -> None:
    ours = load_launch_file(file, arguments).processes
    names = sorted(process.label for process in ours)
    theirs = Run(file, arguments, programs, names).starts()
    assert sorted(theirs) == names
    for process in ours:
        starts = theirs[process.label]
        assert starts[0] == meaning(list(process.command), {})
        assert (len(starts) > 1) == process.respawn
