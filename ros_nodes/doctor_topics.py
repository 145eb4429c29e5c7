"""Which topics of a running system are silent, and why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, JointState
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from ros_nodes.arm_commands import COMMAND
from ros_nodes.diagnostics import NODES, read_values
from ros_nodes.finding import Finding
from ros_nodes.qos import LATCHED, SENSOR
from ros_nodes.robot_config import RobotConfig


@dataclass(frozen=True)
class Expected:
    """A topic, who publishes it, and whether it flows only while the planner runs."""

    topic: str
    kind: type
    publisher: str
    while_planning: bool = False
    driver: str = ""
    """What publishes it on a real robot, where that is not a node of ours."""


_COMMANDS = {"joint_trajectory": JointTrajectory, "servo_twist": TwistStamped, "cartesian_pose": PoseStamped}


def expected_topics(robot: RobotConfig) -> tuple[Expected, ...]:
    """The topics that flow when everything runs on a robot; commands by action are not among them."""
    cameras, command = robot.topics.cameras.values(), robot.command
    topics = [Expected(camera.image, Image, "sim_node", driver="camera driver") for camera in cameras]
    topics += [Expected(camera.info, CameraInfo, "sim_node", driver="camera driver") for camera in cameras]
    topics += [
        Expected(robot.topics.joint_states, JointState, "sim_node", driver="joint_state_broadcaster"),
        Expected("perception/latents", Image, "perception_node"),
        Expected("planner/plan", MultiDOFJointTrajectory, "planner_node", while_planning=True),
        Expected(COMMAND, JointTrajectory, "controller_node", while_planning=True),
    ]
    if command.endpoint.kind == "topic":
        kind = _COMMANDS[command.interface]
        topics.append(Expected(command.endpoint.name, kind, "safety_node", while_planning=True))
    return tuple(topics)


@dataclass
class Heard:
    """What was heard of the system: messages a topic, health a node, publishers a topic, seconds of listening."""

    expected: tuple[Expected, ...]
    counts: dict[str, int] = field(default_factory=dict)
    health: dict[str, dict[str, str]] = field(default_factory=dict)
    publishers: dict[str, int] = field(default_factory=dict)
    goals: int = 0
    listen_s: float = 1.0


def check_system(robot: RobotConfig, namespace: str, listen_s: float) -> list[Finding]:
    """Listens to every expected topic of a robot and says what is silent."""
    return list(diagnose(listen(robot, namespace, listen_s)))


def listen(robot: RobotConfig, namespace: str, listen_s: float) -> Heard:
    """Counts the messages of every expected topic for `listen_s` seconds."""
    context = rclpy.Context()
    rclpy.init(context=context)
    try:
        return listen_in(context, robot, namespace, listen_s)
    finally:
        rclpy.try_shutdown(context=context)


def listen_in(context: rclpy.Context, robot: RobotConfig, namespace: str, listen_s: float) -> Heard:
    """The same in a context that is there already."""
    node = rclpy.create_node("doctor", namespace=namespace or None, context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    heard = Heard(expected_topics(robot), listen_s=listen_s)
    prefix = f"{namespace.strip('/')}/" if namespace.strip("/") else ""
    try:
        _subscribe(node, heard, prefix)
        deadline = time.monotonic() + listen_s
        while time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.1)
        heard.publishers = {expected.topic: node.count_publishers(expected.topic) for expected in heard.expected}
        heard.goals = node.count_publishers("goal/image")
    finally:
        executor.shutdown()
        node.destroy_node()
    return heard


def _subscribe(node: Node, heard: Heard, prefix: str) -> None:
    def count(topic: str) -> None:
        heard.counts[topic] = heard.counts.get(topic, 0) + 1

    def note_health(message: DiagnosticArray) -> None:
        for name in NODES:
            values = read_values(message, prefix + name)
            if values is not None:
                heard.health[name] = values

    for expected in heard.expected:
        node.create_subscription(expected.kind, expected.topic, lambda _, topic=expected.topic: count(topic), SENSOR)
    node.create_subscription(Image, "goal/image", lambda _: count("goal/image"), LATCHED)
    node.create_subscription(DiagnosticArray, "/diagnostics", note_health, 20)


def diagnose(heard: Heard) -> Iterator[Finding]:
    """Findings about a system from what was heard of it."""
    if not heard.health and not any(heard.counts.values()) and not any(heard.publishers.values()):
        yield Finding("note", "system", "nothing runs; start it with: robot-wm launch launch/demo.launch.xml")
        return
    planning = heard.health.get("planner_node", {}).get("running") == "true"
    for name in NODES:
        yield from _node(name, heard)
    for expected in heard.expected:
        yield _topic(expected, heard, planning)
    if planning and heard.health["planner_node"].get("goal_stamp_s", "0.000000") == "0.000000":
        yield Finding("bad", "goal/image", "silent: the planner was started and never got a goal image; send one")


def _node(name: str, heard: Heard) -> Iterator[Finding]:
    health = heard.health.get(name)
    if health is None:
        if name != "sim_node":
            yield Finding(
                "bad", name, f"not running; start it with: python -m ros_nodes.{name} --ros-args -p autostart:=true"
            )
    elif health["level"] == "0":
        yield Finding("ok", name, health["message"])
    else:
        yield Finding("bad" if health["level"] == "2" else "note", name, health["message"])


def _topic(expected: Expected, heard: Heard, planning: bool) -> Finding:
    count = heard.counts.get(expected.topic, 0)
    if count:
        return Finding("ok", expected.topic, f"{count / heard.listen_s:.1f} Hz")
    if expected.publisher in heard.health:
        health = heard.health[expected.publisher]
        if expected.while_planning and not planning:
            return Finding("note", expected.topic, "quiet: the planner is stopped; call planner/start")
        stage = "" if health.get("lifecycle") == "active" else f"{health.get('lifecycle')}, "
        return Finding("bad", expected.topic, f"silent, {expected.publisher} is {stage}{health['message']}")
    if expected.driver and heard.publishers.get(expected.topic):
        return Finding("bad", expected.topic, "silent, though it has a publisher; check its rate and QoS")
    who = f"{expected.driver} (or {expected.publisher})" if expected.driver else expected.publisher
    return Finding("bad", expected.topic, f"silent, publisher {who} not running")
