"""`robot-wm replay`: sends recorded actions where the planner sends its plans, and measures how the arm follows."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import MultiDOFJointTrajectory
from tyro.conf import Positional

from robot_wm.data import Dataset
from ros_nodes.control_source import GIVE_BACK, SOURCE, source_of
from ros_nodes.controller_node import PLAN
from ros_nodes.conversions import Plan, arm_state_from, joints_from, plan_to_message, seconds
from ros_nodes.qos import LATCHED, LATEST, SENSOR
from ros_nodes.replay_course import Course, ReplayError, TrackingError, course, tracking_error
from ros_nodes.robot_config import RobotConfig
from ros_nodes.verbs.session import FIND_S, Session

RESEND_S = 0.1


@dataclass(frozen=True)
class ReplayConfig:
    """Replays one episode of a dataset through controller_node, with all its limits.

    Attributes:
        dataset: The dataset.
        episode: Number of the episode.
        robot: Robot that replays it: a name or a file.
        namespace: Of the robot's topics.
        approach_m: Longest way to where the episode begins; farther away it is refused.
        speed_m_s: Speed on that way.
        json: File for the figures.
    """

    dataset: Positional[Path]
    episode: Annotated[int, tyro.conf.arg(aliases=["-e"])] = 0
    robot: str = "panda_sim"
    namespace: str = ""
    approach_m: float = 0.6
    speed_m_s: float = 0.1
    json: Path | None = None


def run(config: ReplayConfig) -> int:
    """Replays an episode and prints the tracking error; returns the exit code."""
    dataset, robot = Dataset.open(config.dataset), RobotConfig.load(config.robot)
    episode = dataset.read(config.episode)
    with Session() as session:
        arm = _Arm(session, robot, config.namespace)
        here = arm.wait_until_ready()
        wanted = course(episode, dataset.contract.step_s, here, config.approach_m, config.speed_m_s)
        error = arm.follow(wanted)
    _print(error, config)
    return 0


class _Arm:
    """Plans out, joint states in."""

    def __init__(self, session: Session, robot: RobotConfig, namespace: str) -> None:
        self._session, self._robot, self._kinematics = session, robot, robot.arm()
        prefix = f"/{namespace.strip('/')}/" if namespace.strip("/") else "/"
        self._plan_topic, self._joints_topic = prefix + PLAN, prefix + robot.topics.joint_states
        self._publisher = session.node.create_publisher(MultiDOFJointTrajectory, self._plan_topic, LATEST)
        session.node.create_subscription(JointState, self._joints_topic, self._on_joints, SENSOR)
        self._control = ""
        session.node.create_subscription(String, prefix + SOURCE, self._on_source, LATCHED)
        self._stop_planner = session.node.create_client(Trigger, f"{prefix}planner/stop")
        self._measured: list[tuple[float, np.ndarray]] = []
        self._newest: JointState | None = None

    def wait_until_ready(self) -> np.ndarray:
        """Stops the planner if there is one; the pose and opening (8,) of the arm.

        Raises:
            ReplayError: There are no joint states, nobody follows plans, or a person is in control.
        """
        if not self._session.until(lambda: self._newest is not None, FIND_S):
            raise ReplayError(f"{self._joints_topic}: no joint states; is the robot or sim_node running?")
        if not self._session.until(lambda: self._publisher.get_subscription_count() > 0, FIND_S):
            raise ReplayError(f"{self._plan_topic}: nobody listens; start controller_node")
        self._session.until(lambda: bool(self._control), FIND_S)
        if source_of(self._control) != "planner":
            raise ReplayError(
                f"{SOURCE} says '{self._control}', so plans are not followed; call {GIVE_BACK} first, and see that "
                "controller_node is active"
            )
        if self._stop_planner.service_is_ready():
            self._session.answer(self._stop_planner, Trigger.Request())
        assert self._newest is not None
        joints, opening = arm_state_from(self._newest, self._robot, self._joints_topic)
        return np.append(self._kinematics.forward(joints), opening)

    def follow(self, wanted: Course) -> TrackingError:
        """Sends the course as it becomes due, then "stop"; the arm's distance from it."""
        start_s, end_s = self._now_s(), float(wanted.times_s[-1])
        self._measured.clear()
        sent_at = -np.inf
        try:
            while (elapsed_s := self._now_s() - start_s) < end_s:
                if time.monotonic() - sent_at >= RESEND_S:
                    sent_at = time.monotonic()
                    self._send(wanted.plan(elapsed_s, start_s + elapsed_s))
                self._session.spin_once(0.01)
        finally:
            self._send(Plan(self._now_s(), np.empty(0), np.empty((0, 7)), np.empty(0)))
        self._session.until(lambda: bool(self._measured) and self._measured[-1][0] > start_s + end_s + 0.1, 1.0)
        times = np.array([time_s for time_s, _ in self._measured]) - start_s
        return tracking_error(wanted, times, np.array([pose for _, pose in self._measured]).reshape(-1, 7))

    def _send(self, plan: Plan) -> None:
        stamp = self._session.node.get_clock().now().to_msg()
        self._publisher.publish(plan_to_message(plan, stamp, self._robot.base_frame, self._robot.ee_frame))

    def _now_s(self) -> float:
        return self._session.node.get_clock().now().nanoseconds * 1e-9

    def _on_joints(self, message: JointState) -> None:
        self._newest = message
        self._measured.append((seconds(message.header.stamp), self._pose(message)))

    def _on_source(self, message: String) -> None:
        self._control = message.data

    def _pose(self, message: Any) -> np.ndarray:
        return self._kinematics.forward(joints_from(message, self._robot.joints, self._joints_topic))


def _print(error: TrackingError, config: ReplayConfig) -> None:
    figures = error.figures()
    table = Table("tracking error", "mean", "p95", "max", title=f"{config.dataset}, episode {config.episode}")
    for name, row in figures.items():
        table.add_row(name, *(f"{value:.2f}" for value in row.values()))
    Console().print(table)
    if config.json is not None:
        config.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
