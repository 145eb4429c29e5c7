"""Doctor's findings about a system, from what was heard of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import ros_nodes  # noqa: F401  (supplies the message packages where ROS is not installed)
from robot_wm.deploy.bundle import default_bundle
from ros_nodes.doctor import check_bundle, check_configured_robot

pytest.importorskip("rclpy")

from ros_nodes.doctor_topics import NODES, Heard, diagnose, expected_topics
from ros_nodes.robot_config import RobotConfig

EXPECTED = expected_topics(RobotConfig.load("panda_sim"))


def healthy() -> Heard:
    health = {name: {"level": "0", "message": "active", "lifecycle": "active"} for name in NODES}
    health["planner_node"] |= {"running": "true", "goal_stamp_s": "1.0"}
    return Heard(EXPECTED, counts={e.topic: 10 for e in EXPECTED}, health=health, publishers={}, listen_s=2.0)


def lines(heard: Heard, verdict: str) -> list[str]:
    return [f"{finding.subject}: {finding.text}" for finding in diagnose(heard) if finding.verdict == verdict]


def test_a_healthy_system_has_nothing_bad() -> None:
    assert not lines(healthy(), "bad") and not lines(healthy(), "note")


def test_a_dead_node_and_its_silent_topic_are_named() -> None:
    heard = healthy()
    del heard.health["perception_node"], heard.counts["perception/latents"]
    bad = lines(heard, "bad")
    assert "perception/latents: silent, publisher perception_node not running" in bad
    assert any(line.startswith("perception_node: not running") for line in bad)


def test_an_unconfigured_node_says_why() -> None:
    heard = healthy()
    heard.health["perception_node"] = {"level": "2", "message": "cannot configure: x", "lifecycle": "unconfigured"}
    del heard.counts["perception/latents"]
    assert any("perception_node is unconfigured, cannot configure: x" in line for line in lines(heard, "bad"))


def test_a_stopped_planner_is_no_fault() -> None:
    heard = healthy()
    heard.health["planner_node"]["running"] = "false"
    del heard.counts["planner/plan"]
    assert lines(heard, "note") == ["planner/plan: quiet: the planner is stopped; call planner/start"]


def test_a_real_robot_has_no_sim_node() -> None:
    heard = healthy()
    del heard.health["sim_node"]
    assert not lines(heard, "bad")


def test_a_goal_that_never_came() -> None:
    heard = healthy()
    heard.health["planner_node"]["goal_stamp_s"] = "0.000000"
    assert any(line.startswith("goal/image: silent") for line in lines(heard, "bad"))


def test_nothing_running_is_said_once() -> None:
    assert [finding.subject for finding in diagnose(Heard(EXPECTED))] == ["system"]


def test_an_altered_bundle_is_bad(tmp_path: Path) -> None:
    finding = check_bundle(tmp_path / "nowhere")
    assert finding.verdict == "bad" and "no such bundle" in finding.text


def test_a_robot_is_checked_against_the_shipped_contract_only_where_that_is_for_it() -> None:
    pytest.importorskip("pinocchio")
    found = list(check_configured_robot("panda_sim", None))
    assert {finding.verdict for finding in found} == {"ok"}
    assert any(finding.subject == "robot panda_sim: workspace" for finding in found)
    (note,) = [finding for finding in check_configured_robot("ur5e", None) if "workspace" in finding.subject]
    assert note.verdict == "note" and "give --bundle" in note.text
    assert any("frames" in f.subject for f in check_configured_robot("ur5e", default_bundle()) if f.verdict == "bad")


def test_an_unknown_robot_is_bad() -> None:
    pytest.importorskip("pinocchio")
    (finding,) = check_configured_robot("robby", None)
    assert finding.verdict == "bad" and "panda_sim" in finding.text


def test_topics_are_those_of_the_robot() -> None:
    topics = {expected.topic for expected in expected_topics(RobotConfig.load("ur5e"))}
    assert {"camera/resized/image_raw", "scaled_joint_trajectory_controller/joint_trajectory"} <= topics
    assert "camera/image_raw" not in topics
