"""safety_node in front of the simulated robot, as processes over DDS; the test is the source of commands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pybullet")
pytest.importorskip("pinocchio")

from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from robot_wm.safety.heartbeat import PERIOD_S
from ros_nodes.arm_commands import COMMAND
from ros_nodes.conversions import duration, joints_from
from ros_nodes.heart import Heart
from ros_nodes.qos import LATCHED, LATEST
from ros_nodes.robot_config import RobotConfig

ROBOT = RobotConfig.load("panda_sim")
TICK_S = 0.01


class Source:
    """Turns the first joint at a speed, as a source of commands would, with a heartbeat."""

    def __init__(self, processes: Any, peer: Any) -> None:
        self.peer, self.speed, self.beats, self.nan = peer, 0.0, True, False
        self.states = peer.watch(JointState, "joint_states", LATEST)
        self.out = peer.watch(JointTrajectory, ROBOT.command.endpoint.name, LATEST)
        self.safety = peer.watch(DiagnosticArray, "safety/state", LATCHED)
        self._commands = peer.node.create_publisher(JointTrajectory, COMMAND, LATEST)
        self._button = peer.node.create_publisher(Bool, "safety/estop_button", LATEST)
        self._heart, self._target = Heart(peer.node), None
        processes.start("sim_node")
        processes.start("safety_node", watched="[test_peer]")
        peer.until_active("sim_node", "safety_node", what=lambda: processes.log("safety_node"))
        peer.until(lambda: len(self.states) > 5 and self._commands.get_subscription_count() > 0)
        peer.node.create_timer(PERIOD_S, lambda: self._heart.beat("active", 0.0, 0.0) if self.beats else None)
        peer.node.create_timer(TICK_S, self._send)

    def joints(self) -> np.ndarray:
        return joints_from(self.states[-1][1], ROBOT.joints, "joint_states")

    def state(self) -> str:
        return self.safety[-1][1].status[0].message if self.safety else ""

    def reason(self) -> str:
        return self.safety[-1][1].status[0].values[0].value

    def press(self) -> float:
        """The emergency stop's button; returns when."""
        self._button.publish(Bool(data=True))
        return time.monotonic()

    def _send(self) -> None:
        if self.speed == 0.0:
            self._target = None
            return
        lost = self._target is None or self.state() != "following"
        target = self.joints() if lost else self._target
        self._target = target + np.array([self.speed * TICK_S, *[0.0] * 6])
        velocities = [np.nan if self.nan else self.speed, *[0.0] * 6]
        point = JointTrajectoryPoint(
            positions=self._target.tolist(), velocities=velocities, time_from_start=duration(TICK_S)
        )
        message = JointTrajectory(joint_names=list(ROBOT.joints), points=[point])
        message.header.stamp = self.peer.node.get_clock().now().to_msg()
        self._commands.publish(message)


@pytest.fixture
def source(processes: Any, peer: Any) -> Iterator[Source]:
    yield Source(processes, peer)


def first_speeds(out: list[tuple[float, Any]]) -> np.ndarray:
    return np.array([message.points[0].velocities[0] for _, message in out])


def is_at_rest(source: Source) -> bool:
    recent = np.array([joints_from(message, ROBOT.joints, "") for _, message in source.states[-10:]])
    return bool(np.max(np.ptp(recent, axis=0)) < 1e-3)


def test_commands_pass_the_button_stops_and_reset_wants_a_pause(source: Source, peer: Any, processes: Any) -> None:
    start, source.speed = source.joints(), 0.2
    peer.until(lambda: source.joints()[0] > start[0] + 0.1, what=lambda: processes.log("safety_node"))
    assert source.state() == "following"
    for _, message in source.out:
        assert not any(message.points[-1].velocities) and len(message.points) >= 1
    pressed = source.press()
    peer.until(lambda: source.state() == "stopped")
    peer.until(lambda: is_at_rest(source))
    after = [entry for entry in source.out if entry[0] > pressed]
    slower = next(at for (at, _), speed in zip(after, first_speeds(after), strict=True) if speed < 0.19)
    assert slower - pressed < 0.05
    assert np.all(np.diff(first_speeds(after)) <= 1e-6)

    held = source.joints()
    answer = peer.trigger("safety/reset")
    assert answer.success and "emergency stop: button" in answer.message
    peer.until(lambda: "waiting for commands to pause" in source.reason())
    np.testing.assert_allclose(source.joints(), held, atol=2e-3)
    source.speed = 0.0
    peer.until(lambda: "commands ended" in source.reason() or "no commands" in source.reason())
    source.speed = 0.2
    peer.until(lambda: source.joints()[0] > held[0] + 0.05, what=lambda: processes.log("safety_node"))


def test_nan_holds_and_a_lost_heartbeat_stops(source: Source, peer: Any, processes: Any) -> None:
    start, source.speed = source.joints(), 0.2
    peer.until(lambda: source.joints()[0] > start[0] + 0.05, what=lambda: processes.log("safety_node"))
    source.nan = True
    peer.until(lambda: source.state() == "holding")
    assert "not all finite" in source.reason()
    peer.until(lambda: is_at_rest(source))
    source.nan, source.speed = False, 0.0
    peer.until(lambda: "commands ended" in source.reason() or "no commands" in source.reason())
    held, source.speed = source.joints(), 0.2
    peer.until(lambda: source.joints()[0] > held[0] + 0.05, what=lambda: processes.log("safety_node"))
    assert all(np.all(np.isfinite(message.points[0].velocities)) for _, message in source.out)

    source.beats, silent_from = False, time.monotonic()
    peer.until(lambda: source.state() != "following")
    assert time.monotonic() - silent_from < 0.6
    peer.until(lambda: source.state() == "stopped")
    assert "test_peer is lost" in source.reason()
    source.beats = True
    moved = source.joints()
    peer.until(lambda: time.monotonic() - silent_from > 2.0)
    np.testing.assert_allclose(source.joints(), moved, atol=2e-3)


def test_what_loosens_needs_a_flag(processes: Any, peer: Any, tmp_path: Any) -> None:
    import yaml

    from ros_nodes.robot_config import ROBOTS

    plain = yaml.safe_load((ROBOTS / "panda_sim.yaml").read_text())
    plain["safety"]["clearance"] = {"shapes": "none"}
    (tmp_path / "robot.yaml").write_text(yaml.safe_dump(plain))
    processes.start("safety_node", robot=tmp_path / "robot.yaml")
    peer.until_health("safety_node", "neither self-collision nor keep-out boxes are watched")
    assert "allow_loosening:=true" in processes.log("safety_node")
