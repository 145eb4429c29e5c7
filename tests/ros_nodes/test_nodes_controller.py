"""controller_node in front of the simulated robot, as processes over DDS: follows plans, holds when they go stale."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("pybullet")
pytest.importorskip("pinocchio")

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from ros_nodes.conversions import Plan, joints_from, plan_to_message, seconds
from ros_nodes.qos import LATEST
from ros_nodes.robot_config import RobotConfig

ROBOT = RobotConfig.load("panda_sim")
STEPS = 4


class Bench:
    """The controller and the simulation, and what passes between them."""

    def __init__(self, processes, peer) -> None:
        self.processes, self.peer, self.arm = processes, peer, ROBOT.arm()
        self.states = peer.watch(JointState, "joint_states", LATEST)
        self.commands = peer.watch(JointTrajectory, ROBOT.command.endpoint.name, LATEST)
        self.plans = peer.node.create_publisher(MultiDOFJointTrajectory, "planner/plan", LATEST)
        processes.start("sim_node")
        processes.start("controller_node", unguarded=True)
        peer.until_active("sim_node", "controller_node", what=lambda: processes.log("controller_node"))
        peer.until(lambda: len(self.states) > 5 and self.plans.get_subscription_count() > 0)

    def pose(self) -> np.ndarray:
        return self.arm.forward(joints_from(self.states[-1][1], ROBOT.joints, "joint_states"))

    def send(self, offset: tuple[float, float, float], age_s: float = 0.1) -> np.ndarray:
        """A chunk of equal displacements from where the arm is; returns its last pose."""
        now = self.peer.node.get_clock().now()
        stamp = type(now)(nanoseconds=now.nanoseconds - round(age_s * 1e9), clock_type=now.clock_type).to_msg()
        poses = np.repeat(self.pose()[None], STEPS, axis=0)
        poses[:, :3] += np.arange(1, STEPS + 1)[:, None] * np.array(offset)
        plan = Plan(seconds(stamp), 0.2 * np.arange(1, STEPS + 1), poses, np.zeros(STEPS))
        self.plans.publish(plan_to_message(plan, stamp, ROBOT.base_frame, ROBOT.ee_frame))
        return poses[-1]


@pytest.fixture
def bench(processes, peer) -> Iterator[Bench]:
    yield Bench(processes, peer)


def test_follows_a_plan_then_holds_and_refuses_stale_ones(bench: Bench) -> None:
    bench.peer.until(lambda: len(bench.states) > 100)
    periods = [b[0] - a[0] for a, b in zip(bench.states, bench.states[1:], strict=False)]
    assert 1.0 / np.median(periods) > 45.0

    start = bench.pose()
    end = bench.send((0.0, 0.0, 0.02))
    bench.peer.until(lambda: bench.pose()[2] > start[2] + 0.02)
    bench.peer.until_health("controller_node", "plan is stale", what=lambda: bench.processes.log("controller_node"))
    assert "none arrived for" in bench.processes.log("controller_node")
    assert bench.pose()[2] < end[2] + 0.005

    limits = ROBOT.motion_limits(bench.arm)
    velocities = np.array([message.points[0].velocities for _, message in bench.commands])
    assert np.all(np.abs(velocities) <= limits.velocity + 1e-6)
    assert np.all(np.abs(np.diff(velocities, axis=0)) <= limits.acceleration * 0.009)
    np.testing.assert_allclose(velocities[-1], 0.0, atol=1e-6)

    commands, held = len(bench.commands), bench.pose()
    bench.send((0.0, 0.0, 0.03), age_s=2.0)
    bench.peer.until(lambda: "plan dropped: older" in bench.processes.log("controller_node"))
    assert len(bench.commands) == commands
    np.testing.assert_allclose(bench.pose()[:3], held[:3], atol=2e-3)


def test_a_plan_in_another_frame_is_refused_by_name(bench: Bench) -> None:
    stamp = bench.peer.node.get_clock().now().to_msg()
    plan = Plan(seconds(stamp), np.array([0.2]), bench.pose()[None], np.zeros(1))
    bench.plans.publish(plan_to_message(plan, stamp, "world", ROBOT.ee_frame))
    bench.peer.until(lambda: "in frame 'world'" in bench.processes.log("controller_node"))
    assert bench.processes.is_running("controller_node") and not bench.commands


def test_deactivation_stops_the_arm_and_what_was_before_is_forgotten(bench: Bench) -> None:
    bench.peer.until(lambda: _resend(bench) and len(bench.commands) > 20)
    _change(bench, Transition.TRANSITION_DEACTIVATE)
    bench.peer.until_health("controller_node", "inactive")
    commands = len(bench.commands)
    bench.send((0.0, 0.0, 0.02))
    _change(bench, Transition.TRANSITION_ACTIVATE)
    bench.peer.until_health("controller_node", "no plan yet")
    assert len(bench.commands) == commands
    held = bench.pose()
    bench.peer.until(lambda: _resend(bench) and len(bench.commands) > commands)
    first = np.array(bench.commands[commands][1].points[0].positions)
    assert np.linalg.norm(bench.arm.forward(first)[:3] - held[:3]) < 2e-3


def test_speed_and_rate_change_at_run_time_but_no_limit_is_loosened(bench: Bench) -> None:
    assert _set(bench, "speed_scale", 0.5) == ""
    assert "looser" not in _set(bench, "speed_scale", 0.05)
    assert _set(bench, "rate", 50.0) == ""
    assert "plan_max_age_s" in _set(bench, "plan_max_age_s", 5.0)
    before = bench.pose()
    bench.peer.until(lambda: _resend(bench) and len(bench.commands) > 40)
    points = [message.points[0] for _, message in bench.commands]
    limits = ROBOT.motion_limits(bench.arm)
    assert np.all(np.abs([point.velocities for point in points]) <= 0.05 * limits.velocity + 1e-6)
    assert {round(seconds(point.time_from_start), 4) for point in points} == {0.02}
    assert np.linalg.norm(bench.pose()[:3] - before[:3]) < 0.1


def _resend(bench: Bench) -> bool:
    bench.send((0.0, 0.0, 0.01))
    return True


def _set(bench: Bench, name: str, value: float) -> str:
    """Sets a parameter of the controller; the reason when it was refused."""
    client = bench.peer.node.create_client(SetParameters, "controller_node/set_parameters")
    assert client.wait_for_service(timeout_sec=10.0)
    future = client.call_async(SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()]))
    bench.peer.until(future.done)
    (result,) = future.result().results
    return "" if result.successful else result.reason


def _change(bench: Bench, transition: int) -> None:
    client = bench.peer.node.create_client(ChangeState, "controller_node/change_state")
    assert client.wait_for_service(timeout_sec=10.0)
    request = ChangeState.Request()
    request.transition.id = transition
    future = client.call_async(request)
    bench.peer.until(future.done)
    assert future.result().success
