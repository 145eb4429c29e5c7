"""Replay: the course, the error, and a whole run with simulator and controller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)
from robot_wm.contract import TABLETOP
from robot_wm.data import DatasetWriter, Episode
from ros_nodes.replay_course import ReplayError, course, tracking_error

DOWN = np.array([1.0, 0.0, 0.0, 0.0])


def episode(start: np.ndarray, steps: int = 10) -> Episode:
    states = np.tile(np.concatenate([start, DOWN, [0.0]]), (steps, 1)).astype(np.float32)
    states[:, 0] += 0.01 * np.arange(steps, dtype=np.float32)
    actions = np.zeros((steps, 7), np.float32)
    actions[:, 0] = 0.01
    images = np.zeros((steps, 96, 96, 3), np.uint8)
    return Episode(images, states, actions, 100.0 + 0.2 * np.arange(steps), "move")


def test_the_course_leads_to_the_beginning_and_then_follows_the_actions() -> None:
    here = np.concatenate([[0.4, 0.0, 0.2], DOWN, [0.0]])
    near = course(episode(np.array([0.4, 0.0, 0.2])), 0.2, here, 0.5, 0.1)
    assert near.first == 0 and near.times_s == pytest.approx(0.2 * np.arange(1, 11))
    np.testing.assert_allclose(near.poses[:, 0], 0.4 + 0.01 * np.arange(1, 11), atol=1e-6)
    far = course(episode(np.array([0.5, 0.0, 0.2])), 0.2, here, 0.5, 0.1)
    assert far.first == 5 and np.all(np.diff(far.times_s) > 0)
    steps = np.linalg.norm(np.diff(far.poses[: far.first, :3], axis=0), axis=1)
    assert np.max(steps) <= 0.02 + 1e-9
    with pytest.raises(ReplayError, match="begins 0.100 m from where the arm is, at most 0.05 m"):
        course(episode(np.array([0.5, 0.0, 0.2])), 0.2, here, 0.05, 0.1)


def test_plans_hold_what_is_ahead_and_nothing_at_the_end() -> None:
    here = np.concatenate([[0.4, 0.0, 0.2], DOWN, [0.0]])
    wanted = course(episode(np.array([0.4, 0.0, 0.2])), 0.2, here, 0.5, 0.1)
    plan = wanted.plan(0.5, 7.0)
    assert plan.stamp_s == 7.0 and plan.times_s[:2] == pytest.approx([0.1, 0.3]) and len(plan.times_s) == 8
    assert len(wanted.plan(5.0, 7.0).times_s) == 0


def test_the_tracking_error_is_the_distance_when_a_pose_was_due() -> None:
    here = np.concatenate([[0.4, 0.0, 0.2], DOWN, [0.0]])
    wanted = course(episode(np.array([0.4, 0.0, 0.2])), 0.2, here, 0.5, 0.1)
    measured = wanted.poses.copy()
    measured[:, 1] += 0.003
    figures = tracking_error(wanted, wanted.times_s + 0.01, measured).figures()
    assert figures["position_mm"]["max"] == pytest.approx(3.0) and figures["rotation_deg"]["max"] < 0.1
    with pytest.raises(ReplayError, match="no joint states"):
        tracking_error(wanted, wanted.times_s + 9.0, measured)


def test_the_simulated_arm_follows_a_recorded_episode(processes: Any, peer: Any, domain: int, tmp_path: Any) -> None:
    pytest.importorskip("pybullet")
    with DatasetWriter(tmp_path / "d", TABLETOP) as writer:
        writer.add(episode(np.array([0.45, 0.05, 0.2])))
    command = [sys.executable, "-m", "robot_wm.cli", "replay", str(tmp_path / "d"), "--json", str(tmp_path / "e.json")]
    environment = os.environ | {"ROS_DOMAIN_ID": str(domain)}
    nobody = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert nobody.returncode == 2 and "no joint states" in nobody.stderr
    processes.start("sim_node")
    processes.start("safety_node", watched="[controller_node]")
    processes.start("controller_node")
    peer.until_active("sim_node", "safety_node", "controller_node", what=lambda: processes.log("sim_node"))
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + processes.log("controller_node")
    figures = json.loads((tmp_path / "e.json").read_text())
    assert figures["position_mm"]["mean"] < 20.0, figures
    peer.until(lambda: "planner says stop" in peer.health["controller_node"]["message"])
