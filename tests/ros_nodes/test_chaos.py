"""`robot-wm chaos` on the full simulated system: what is broken on purpose never moves the arm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pybullet")
pytest.importorskip("pinocchio")
pytest.importorskip("cyclonedds")

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)
from ros_nodes.chaos.bench import Finding
from ros_nodes.chaos.tap import Meddling, Tap
from ros_nodes.chaos.verb import ChaosConfig, run


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_stops_dying_parts_and_nonsense(tmp_path: Path) -> None:
    report = tmp_path / "chaos.json"
    run(ChaosConfig(quick=True, json=report, only=("emergency_stop", "nonsense", "dying_parts")))
    found: dict[str, Any] = json.loads(report.read_text())
    assert found["bad_commands"] == 0 and found["slowest_stop_s"] is not None
    assert {"limit_violations", "worst_data_loss_ms", "faults"} <= found.keys()
    still = [each for each in found["faults"] if "no motion until reset" in each["fault"]]
    assert len(still) == 9 and all(each["kept"] for each in still), still
    first = [each["value"] for each in found["faults"] if "first slower command" in each["fault"]]
    assert len(first) == 3 and np.median(first) < 0.05


def test_a_figure_that_never_came_breaks_its_bound() -> None:
    assert not Finding("stop", float("inf"), 1.0, "s").kept and Finding("stop", 1.0, 1.0, "s").kept
    assert not Finding("stop", float("nan"), 1.0, "s").kept


def test_the_tap_thins_shifts_and_swaps(contexts: Any) -> None:
    from sensor_msgs.msg import JointState

    from ros_nodes.qos import LATEST

    node, ear = contexts.make("tap"), contexts.make("ear")
    tap, heard = Tap(node), []
    ear.create_subscription(JointState, "tapped/joint_states", lambda m: heard.append(m.header.stamp.sec), LATEST)
    mouth = ear.create_publisher(JointState, "joint_states", LATEST)
    contexts.until(lambda: mouth.get_subscription_count() and ear.count_publishers("tapped/joint_states"))

    def send(second: int) -> None:
        message, before = JointState(), len(heard)
        message.header.stamp.sec = second
        contexts.until(lambda: mouth.publish(message) or len(heard) > before)

    send(5)
    assert heard[-1] == 5
    tap.meddling = {"joint_states": Meddling(stamp_s=10.0)}
    send(6)
    contexts.until(lambda: heard[-1] == 16)
    tap.clear()
    contexts.until(lambda: send(7) or heard[-1] == 7)
