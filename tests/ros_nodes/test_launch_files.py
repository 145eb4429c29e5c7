"""The project's launch files say what each node is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ros_nodes.launch_xml import load_launch_file

LAUNCH = Path(__file__).parents[2] / "launch"
NODES = {"sim_node", "perception_node", "planner_node", "controller_node"}


def _nodes(file: str, **arguments: str) -> dict[str, dict[str, object]]:
    """Parameters by node name, with the namespace as 'ns'."""
    description = load_launch_file(LAUNCH / file, arguments)
    told = [process.node for process in description.processes]
    return {node.name: dict(node.parameters) | {"ns": node.namespace} for node in told if node is not None}


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("demo.launch.xml", NODES),
        ("sim.launch.xml", {"sim_node"}),
        ("bringup.launch.xml", NODES - {"sim_node"}),
    ],
)
def test_arguments_reach_every_node(file: str, names: set[str]) -> None:
    nodes = _nodes(file, namespace="left", autostart="false", use_sim_time="true", robot="my_robot.yaml")
    assert set(nodes) == names
    for name, told in nodes.items():
        assert told["ns"] == "/left" and told["autostart"] is False
        assert told["publish_clock" if name == "sim_node" else "use_sim_time"] is True
        assert name == "perception_node" or told["robot"] == "my_robot.yaml"
        assert Path(str(told[None])).is_file()  # type: ignore[index]


def test_demo_passes_task_seed_and_bundle_on() -> None:
    nodes = _nodes("demo.launch.xml", task="push", seed="7", bundle="/somewhere")
    assert (nodes["sim_node"]["task"], nodes["sim_node"]["seed"]) == ("push", 7)
    assert nodes["planner_node"]["bundle"] == nodes["perception_node"]["bundle"] == "/somewhere"
    assert _nodes("demo.launch.xml")["planner_node"]["bundle"] == ""
