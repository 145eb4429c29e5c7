"""The project's launch files say what each node is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ros_nodes.launch_description import ProcessDescription
from ros_nodes.launch_xml import load_launch_file

LAUNCH = Path(__file__).parents[2] / "launch"
ROBOT = ["safety_node", "perception_node", "planner_node", "controller_node"]


def _processes(file: str, **arguments: str) -> list[ProcessDescription]:
    return list(load_launch_file(LAUNCH / file, arguments).processes)


def _nodes(file: str, **arguments: str) -> dict[str, dict[str, object]]:
    """Parameters by node name, with the namespace as 'ns'."""
    told = [process.node for process in _processes(file, **arguments)]
    return {node.name: dict(node.parameters) | {"ns": node.namespace} for node in told if node is not None}


@pytest.mark.parametrize(
    ("file", "names"),
    [("demo.launch.xml", ["sim_node", *ROBOT]), ("sim.launch.xml", ["sim_node"]), ("bringup.launch.xml", ROBOT)],
)
def test_arguments_reach_every_node(file: str, names: list[str]) -> None:
    nodes = _nodes(file, namespace="left", autostart="false", use_sim_time="true", robot="my_robot.yaml")
    manager = nodes.pop("lifecycle_manager")
    assert list(nodes) == names == manager["node_names"]
    assert manager["autostart"] is False and manager["ns"] == "/left"
    for name, told in nodes.items():
        assert told["ns"] == "/left" and "autostart" not in told
        assert told["publish_clock" if name == "sim_node" else "use_sim_time"] is True
        assert told["robot"] == "my_robot.yaml"
        assert Path(str(told[None])).is_file()  # type: ignore[index]


@pytest.mark.parametrize("file", sorted(file.name for file in LAUNCH.glob("*.launch.xml")))
def test_every_launch_file_takes_the_usual_arguments(file: str) -> None:
    usual = {"namespace", "use_sim_time", "params_file", "autostart", "use_respawn", "log_level"}
    assert usual <= {argument.name for argument in load_launch_file(LAUNCH / file).arguments}
    assert not any(process.respawn for process in _processes(file))
    for process in _processes(file, use_respawn="true", log_level="debug"):
        assert process.respawn and process.respawn_delay_s > 0
        assert process.command[process.command.index("--log-level") + 1] == "debug"


def test_another_manager_can_take_the_nodes() -> None:
    assert list(_nodes("bringup.launch.xml", manager="false")) == ROBOT
    assert list(_nodes("demo.launch.xml")).count("lifecycle_manager") == 1


def test_demo_passes_task_seed_and_bundle_on() -> None:
    nodes = _nodes("demo.launch.xml", task="push", seed="7", bundle="/somewhere")
    assert (nodes["sim_node"]["task"], nodes["sim_node"]["seed"]) == ("push", 7)
    assert nodes["planner_node"]["bundle"] == nodes["perception_node"]["bundle"] == "/somewhere"
    assert _nodes("demo.launch.xml")["planner_node"]["bundle"] == ""


def test_a_robot_checks_and_asks_unless_told_otherwise() -> None:
    robot, demo = _nodes("bringup.launch.xml")["planner_node"], _nodes("demo.launch.xml")["planner_node"]
    assert (robot["check_view"], robot["ask_operator"]) == (True, True)
    assert (demo["check_view"], demo["ask_operator"]) == (True, False)
    assert _nodes("demo.launch.xml", check_view="false")["planner_node"]["check_view"] is False


def test_record_takes_topics_as_a_list() -> None:
    assert _nodes("record.launch.xml")["recorder_node"]["topics"] == [""]
    told = _nodes("record.launch.xml", topics="[joint_states, camera/image_raw]", autostart="false")["recorder_node"]
    assert told["topics"] == ["joint_states", "camera/image_raw"] and told["autostart"] is False


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("demo.launch.xml", ["sim_node", *ROBOT, "teleop_node"]),
        ("sim.launch.xml", ["sim_node", "safety_node", "controller_node", "teleop_node"]),
        ("bringup.launch.xml", [*ROBOT, "teleop_node"]),
    ],
)
def test_a_person_may_drive(file: str, names: list[str]) -> None:
    nodes = _nodes(file, teleop="joy", namespace="left", use_sim_time="true", robot="my_robot.yaml")
    manager = nodes.pop("lifecycle_manager")
    assert list(nodes) == names == manager["node_names"]
    told = nodes["teleop_node"]
    assert (told["device"], told["robot"], told["ns"], told["use_sim_time"]) == ("joy", "my_robot.yaml", "/left", True)
    assert set(nodes["safety_node"]["watched"]) < set(names)  # type: ignore[call-overload]


def test_recording_may_start_teleop() -> None:
    nodes = _nodes("record.launch.xml", teleop="pose")
    assert list(nodes) == ["recorder_node", "teleop_node"] and nodes["teleop_node"]["autostart"] is True
    assert "teleop_node" not in _nodes("record.launch.xml")


def test_the_console_is_led_by_itself_and_drives_by_pose() -> None:
    nodes = _nodes("console.launch.xml", port="0", folder="/somewhere")
    assert nodes["console_node"]["autostart"] is True and nodes["console_node"]["port"] == 0
    assert "console_node" not in nodes["lifecycle_manager"]["node_names"]
    assert nodes["teleop_node"]["device"] == "pose" and "teleop_node" in nodes["lifecycle_manager"]["node_names"]
    assert nodes["recorder_node"]["autostart"] is False and nodes["recorder_node"]["folder"] == "/somewhere"
    names = [process.node.name for process in _processes("console.launch.xml") if process.node is not None]
    assert len(names) == len(set(names))
    assert "console_node" in _nodes("bringup.launch.xml", console="true")
    assert "console_node" not in _nodes("bringup.launch.xml")
