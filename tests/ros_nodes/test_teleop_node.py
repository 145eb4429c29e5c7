"""A person drives the simulated arm over DDS: only the devices are replaced, by messages and a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pybullet")
pytest.importorskip("pinocchio")
pytest.importorskip("mcap")
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Bool, Float32, String
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from robot_wm.contract import TABLETOP
from robot_wm.data import Dataset
from ros_nodes.bag_export import ExportOptions, export
from ros_nodes.control_source import source_of
from ros_nodes.conversions import Plan, joints_from, plan_to_message, seconds
from ros_nodes.qos import LATCHED, LATEST
from ros_nodes.robot_config import RobotConfig
from ros_nodes.teleop_pads import JoyLayout

ROBOT = RobotConfig.load("panda_sim")
LAYOUT = JoyLayout()
PERIOD_S = 0.03


class Cockpit:
    """The system, and hands that hold what they hold until they let go."""

    def __init__(self, processes: Any, peer: Any) -> None:
        self.processes, self.peer, self.arm = processes, peer, ROBOT.arm()
        self.joy: Joy | None = None
        self.pose: np.ndarray | None = None
        self.plan_offset: tuple[float, float, float] | None = None
        self.states = peer.watch(JointState, "joint_states", LATEST)
        self.commands = peer.watch(JointTrajectory, ROBOT.command.endpoint.name, LATEST)
        self.sources = peer.watch(String, "control/source", LATCHED)
        self.statuses = peer.watch(DiagnosticStatus, "teleop/status", LATCHED)
        self.safety = peer.watch(DiagnosticArray, "safety/state", LATCHED)
        make = peer.node.create_publisher
        self._joy, self._plans = make(Joy, "joy", LATEST), make(MultiDOFJointTrajectory, "planner/plan", LATEST)
        self._pose, self._deadman = make(PoseStamped, "teleop/pose", LATEST), make(Bool, "teleop/deadman", LATEST)
        self.gripper = make(Float32, "teleop/gripper", LATEST)
        processes.start("sim_node")
        processes.start("safety_node", watched="[controller_node]")
        processes.start("controller_node")
        processes.start("teleop_node", device="joy")
        peer.until_active("sim_node", "safety_node", "controller_node", "teleop_node", what=self.log)
        publishers = (self._joy, self._plans, self._pose, self._deadman, self.gripper)
        peer.until(lambda: len(self.states) > 5 and all(each.get_subscription_count() for each in publishers))
        peer.node.create_timer(PERIOD_S, self._send)

    def log(self) -> str:
        return self.processes.log("teleop_node") + self.processes.log("controller_node")

    def tool(self) -> np.ndarray:
        return self.arm.forward(joints_from(self.states[-1][1], ROBOT.joints, "joint_states"))

    def opening(self) -> float:
        return ROBOT.gripper.opening(joints_from(self.states[-1][1], ROBOT.gripper.joints, "joint_states"))

    def source(self) -> str:
        return source_of(self.sources[-1][1].data) if self.sources else ""

    def status(self) -> str:
        return self.statuses[-1][1].message if self.statuses else ""

    def hold(self, *pressed: int, x: float = 0.0, z: float = 0.0) -> None:
        """Holds buttons of the gamepad and its sticks."""
        self.joy = Joy(axes=[0.0, x, 0.0, z, 0.0, 0.0], buttons=[int(each in pressed) for each in range(15)])

    def is_at_rest(self) -> bool:
        recent = np.array([joints_from(message, ROBOT.joints, "") for _, message in self.states[-25:]])
        return bool(np.max(np.ptp(recent, axis=0)) < 5e-4)

    def let_go(self) -> None:
        """Lets go of everything and gives control back."""
        self.hold()
        self.pose = self.plan_offset = None
        self.until(lambda: self.source() != "person" and self.is_at_rest())
        self.peer.trigger("control/give_back")
        self.until(lambda: self.source() == "planner" and self.status() == "released")
        self.joy = None

    def until(self, condition: Any, timeout_s: float = 20.0) -> None:
        self.peer.until(condition, timeout_s, lambda: f"{self.status()}; {self.source()}; {self.log()[-2000:]}")

    def _send(self) -> None:
        stamp = self.peer.node.get_clock().now().to_msg()
        if self.joy is not None:
            self._joy.publish(self.joy)
        if self.pose is not None:
            x, y, z, qx, qy, qz, qw = self.pose.tolist()
            pose = Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw))
            message = PoseStamped(pose=pose)
            message.header.stamp, message.header.frame_id = stamp, ROBOT.base_frame
            self._pose.publish(message)
            self._deadman.publish(Bool(data=True))
        if self.plan_offset is not None:
            poses = np.tile(self.tool(), (4, 1))
            poses[:, :3] += np.arange(1, 5)[:, None] * np.array(self.plan_offset)
            plan = Plan(seconds(stamp), 0.2 * np.arange(1, 5), poses, np.zeros(4))
            self._plans.publish(plan_to_message(plan, stamp, ROBOT.base_frame, ROBOT.ee_frame))


@pytest.fixture(scope="module")
def shared(lasting_processes: Any, lasting_peer: Any) -> Cockpit:
    return Cockpit(lasting_processes, lasting_peer)


@pytest.fixture
def cockpit(shared: Cockpit) -> Cockpit:
    shared.let_go()
    shared.commands.clear()
    return shared


def speeds(commands: list[tuple[float, Any]]) -> np.ndarray:
    return np.array([message.points[0].velocities for _, message in commands])


DEADMAN, TURN, OPEN, CLOSE, GIVE_BACK = LAYOUT.buttons


def test_the_stick_moves_the_arm_only_while_the_switch_is_held(cockpit: Cockpit) -> None:
    start = cockpit.tool()
    cockpit.hold(x=1.0)
    cockpit.peer.until(lambda: len(cockpit.states) > 0 and cockpit.status() == "released")
    assert cockpit.source() == "planner" and not cockpit.commands
    cockpit.hold(DEADMAN, x=1.0)
    cockpit.until(lambda: cockpit.tool()[0] > start[0] + 0.03)
    cockpit.until(lambda: cockpit.status() == "driving: joy")
    assert cockpit.source() == "person"
    cockpit.until(lambda: "following the person" in cockpit.peer.health["controller_node"]["message"])
    cockpit.hold()
    cockpit.until(lambda: cockpit.source() == "none" and cockpit.is_at_rest())
    held = cockpit.tool()
    np.testing.assert_allclose(held[1:3], start[1:3], atol=5e-3)
    cockpit.hold(GIVE_BACK)
    cockpit.until(lambda: cockpit.source() == "planner")
    np.testing.assert_allclose(cockpit.tool()[:3], held[:3], atol=2e-3)


def test_a_silent_device_is_letting_go(cockpit: Cockpit) -> None:
    cockpit.hold(DEADMAN, x=-1.0)
    cockpit.until(lambda: cockpit.source() == "person")
    cockpit.joy = None
    cockpit.until(lambda: cockpit.source() == "none" and cockpit.status() == "released")


def test_a_pose_near_the_tool_is_reached_and_the_gripper_opens(cockpit: Cockpit) -> None:
    wanted = cockpit.tool()
    wanted[:3] += [0.0, 0.06, 0.03]
    cockpit.pose = wanted.copy()
    cockpit.until(lambda: np.linalg.norm(cockpit.tool()[:3] - wanted[:3]) < 5e-3)
    limits = ROBOT.motion_limits(cockpit.arm)
    assert np.all(np.abs(np.diff(speeds(cockpit.commands), axis=0)) <= 1.05 * limits.acceleration * 0.008 + 1e-6)
    tools = np.array([cockpit.arm.forward(np.array(m.points[0].positions))[:3] for _, m in cockpit.commands])
    assert np.max(np.linalg.norm(np.diff(tools, axis=0), axis=1)) < 0.3 * 0.016, "twice the speed limit, one tick late"

    def opens() -> bool:
        cockpit.gripper.publish(Float32(data=1.0))
        return cockpit.opening() > 0.9

    cockpit.until(opens)
    cockpit.let_go()
    assert cockpit.opening() > 0.9


def test_a_pose_far_from_the_tool_is_refused_with_the_distance(cockpit: Cockpit) -> None:
    start = cockpit.tool()
    cockpit.pose = start + np.array([0.0, 0.0, 0.2, 0, 0, 0, 0])
    cockpit.until(lambda: "0.20 m" in cockpit.status())
    assert cockpit.source() == "planner" and not cockpit.commands
    np.testing.assert_allclose(cockpit.tool(), start, atol=2e-3)


def test_the_person_takes_over_from_the_planner_and_gives_back(cockpit: Cockpit) -> None:
    cockpit.plan_offset = (0.0, -0.01, 0.0)
    start = cockpit.tool()
    cockpit.until(lambda: cockpit.tool()[1] < start[1] - 0.02)
    cockpit.hold(DEADMAN, z=1.0)
    cockpit.until(lambda: cockpit.tool()[2] > start[2] + 0.03)
    cockpit.hold()
    cockpit.until(lambda: cockpit.source() == "none" and cockpit.is_at_rest())
    held = cockpit.tool()
    cockpit.until(lambda: "let go" in cockpit.peer.health["controller_node"]["message"])
    np.testing.assert_allclose(cockpit.tool()[:3], held[:3], atol=2e-3, err_msg="the planner is still followed")
    cockpit.hold(GIVE_BACK)
    cockpit.until(lambda: cockpit.tool()[1] < held[1] - 0.02)
    assert [source_of(message.data) for _, message in cockpit.sources[-4:]] == ["planner", "person", "none", "planner"]
    limits = ROBOT.motion_limits(cockpit.arm)
    assert np.all(np.abs(np.diff(speeds(cockpit.commands), axis=0)) <= 1.05 * limits.acceleration * 0.016 + 1e-6)


def test_control_can_be_taken_by_a_service(cockpit: Cockpit) -> None:
    cockpit.plan_offset = (0.0, 0.01, 0.0)
    cockpit.until(lambda: bool(cockpit.commands))
    assert cockpit.peer.trigger("control/take").success
    cockpit.until(lambda: cockpit.source() == "none" and cockpit.is_at_rest())
    cockpit.hold(DEADMAN)
    cockpit.until(lambda: cockpit.source() == "person")
    answer = cockpit.peer.trigger("control/give_back")
    assert not answer.success and "let go first" in answer.message


def test_after_an_emergency_stop_the_switch_is_pressed_anew(cockpit: Cockpit) -> None:
    cockpit.hold(DEADMAN, x=-0.6)
    cockpit.until(lambda: cockpit.source() == "person" and bool(cockpit.commands))
    cockpit.peer.trigger("safety/estop")
    cockpit.until(lambda: "safety has stopped the robot" in cockpit.status() and cockpit.is_at_rest())
    cockpit.peer.trigger("safety/reset")
    cockpit.until(lambda: cockpit.safety[-1][1].status[0].message == "holding")
    held = cockpit.tool()
    count = len(cockpit.states)
    cockpit.until(lambda: len(cockpit.states) > count + 50)
    np.testing.assert_allclose(cockpit.tool(), held, atol=2e-3)
    assert "refused" in cockpit.status()
    cockpit.hold()
    cockpit.until(lambda: cockpit.status() == "released")
    cockpit.hold(DEADMAN, x=-0.6)
    cockpit.until(lambda: cockpit.tool()[0] < held[0] - 0.02)


def test_the_table_stops_the_tool_and_the_person_comes_up_again(cockpit: Cockpit) -> None:
    cockpit.hold(DEADMAN, z=-1.0)
    cockpit.until(lambda: "safety: clearance" in cockpit.status(), 30.0)
    low = cockpit.tool()[2]
    assert -0.01 < low < 0.05
    cockpit.hold(DEADMAN, z=1.0)
    cockpit.until(lambda: cockpit.tool()[2] > low + 0.04)


def test_a_recorded_drive_is_exported_as_the_persons(cockpit: Cockpit, tmp_path: Path) -> None:
    topics = "[camera/image_raw, joint_states]"
    cockpit.processes.start("recorder_node", folder=tmp_path / "bags", topics=topics)
    cockpit.until(lambda: "/control/source" in cockpit.peer.health.get("recorder_node", {}).get("topics", ""))
    start = cockpit.tool()
    cockpit.hold(DEADMAN, x=0.7)
    cockpit.until(lambda: cockpit.tool()[0] > start[0] + 0.1)
    cockpit.hold()
    count = len(cockpit.states)
    cockpit.until(lambda: cockpit.source() == "none" and len(cockpit.states) > count + 50)
    cockpit.processes.interrupt("recorder_node")
    (bag,) = (tmp_path / "bags").iterdir()
    export(bag, tmp_path / "dataset", TABLETOP, ROBOT, ExportOptions(task="drive"))
    episodes = list(Dataset.open(tmp_path / "dataset"))
    by_person = np.concatenate([episode.monitor["intervention"] for episode in episodes])
    actions = np.concatenate([episode.actions for episode in episodes])
    assert np.any(by_person) and not np.all(by_person)
    assert np.median(actions[by_person, 0]) > 0.01
    np.testing.assert_allclose(actions[~by_person][-1, :3], 0.0, atol=1e-6)


def test_keys_of_a_terminal_move_the_arm_and_the_terminal_is_left_as_it_was(cockpit: Cockpit, domain: int) -> None:
    cockpit.processes.interrupt("teleop_node")
    keyboard, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)
    process = subprocess.Popen(
        [sys.executable, "-m", "robot_wm.cli", "teleop", "--device", "keyboard"],
        env=os.environ | {"ROS_DOMAIN_ID": str(domain), "OMP_NUM_THREADS": "1"},
        stdin=terminal,
        stdout=subprocess.DEVNULL,
    )
    try:
        start = cockpit.tool()

        def hold_w() -> bool:
            if not cockpit.status().startswith("refused"):  # whoever presses before the arm is seen has to let go first
                os.write(keyboard, b"w")
            return cockpit.tool()[0] > start[0] + 0.02

        cockpit.until(hold_w, 40.0)
        assert cockpit.source() == "person"
        cockpit.until(lambda: cockpit.is_at_rest() and cockpit.source() == "none")
        os.write(keyboard, b"b")
        cockpit.until(lambda: cockpit.source() == "planner")
        process.send_signal(signal.SIGINT)
        assert process.wait(20.0) == 0
        assert termios.tcgetattr(terminal)[:4] == before[:4]
    finally:
        process.kill()
        process.wait(5.0)
        os.close(keyboard)
        os.close(terminal)
        cockpit.processes.start("teleop_node", device="joy")
        cockpit.until(lambda: cockpit.peer.health["teleop_node"]["lifecycle"] == "active")
