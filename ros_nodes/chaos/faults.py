"""The faults: each one breaks something in a running system and notes what came of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Bool, Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from ros_nodes.arm_commands import COMMAND, GRIPPER_COMMAND
from ros_nodes.chaos.bench import Bench
from ros_nodes.chaos.tap import Meddling
from ros_nodes.conversions import duration
from ros_nodes.qos import LATCHED, LATEST, SENSOR

JOINTS, CAMERA = "joint_states", "camera/image_raw"
MORTALS = ("perception_node", "planner_node", "controller_node", "safety_node")
NOTICED_S, JOINTS_S, PLAN_S, LATE_S = 0.3, 0.25, 0.8, 0.1
"""Bounds: a dead part, silent joint states, the oldest observation whose plan is followed, and what comes on top."""


def emergency_stop(bench: Bench) -> None:
    """From the button's message to the first command that decelerates, and by the service."""
    button = bench.observer.node.create_publisher(Bool, "safety/estop_button", LATEST)
    bench.observer.until(lambda: button.get_subscription_count() > 0, 10.0, "nobody hears the emergency stop")
    for _ in range(3):
        bench.set_in_motion()
        pressed_s = bench.at_random_instant()
        before = bench.observer.commands[-1][1]
        button.publish(Bool(data=True))
        bench.observer.until(lambda: bench.observer.state == "stopped", 5.0, "the button does not stop")
        bench.expect_rest("emergency stop by button", pressed_s, 0.05)
        bench.expect("emergency stop: first slower command", _first_slower(bench, pressed_s, before), 0.05, "s")
    bench.expect_no_motion("emergency stop")
    bench.set_in_motion()
    bench.at_random_instant()
    bench.observer.call("safety/estop")
    bench.expect_rest("emergency stop by service", bench.observer.called_s, 0.05)


def _first_slower(bench: Bench, since_s: float, before: np.ndarray) -> float:
    speed = float(np.linalg.norm(before))
    for at_s, velocity in list(bench.observer.commands):
        if at_s > since_s and float(np.linalg.norm(velocity)) < speed - 1e-4:
            return at_s - since_s
        if at_s > since_s:
            speed = max(speed, float(np.linalg.norm(velocity)))
    return float("inf")


def dying_parts(bench: Bench, instants: int) -> None:
    """Each node is killed and frozen at random instants; afterwards nothing moves until somebody resets."""
    for node in MORTALS:
        for _ in range(instants):
            bench.set_in_motion()
            since_s = bench.at_random_instant()
            bench.system.kill(node)
            bench.expect_rest(f"{node} killed", since_s, NOTICED_S)
            bench.start_anew(node)
            bench.expect_no_motion(f"{node} killed and started anew")
            bench.set_in_motion()
            since_s = bench.at_random_instant()
            bench.system.send(node, signal.SIGSTOP)
            bench.expect_rest(f"{node} frozen", since_s, NOTICED_S)
            time.sleep(1.2)
            bench.system.send(node, signal.SIGCONT)
            bench.expect_no_motion(f"{node} frozen and going on")


def silent_and_late_sensors(bench: Bench) -> None:
    """Camera and joint states stop, come seldom, late, out of order, with stamps that are wrong."""
    bound = {JOINTS: JOINTS_S, CAMERA: PLAN_S}
    cases = {
        "silent": Meddling(keep=0),
        "500 ms late": Meddling(delay_s=0.5),
        "stamped 10 s ahead": Meddling(stamp_s=10.0),
        "stamped 10 s behind": Meddling(stamp_s=-10.0),
    }
    for topic in (JOINTS, CAMERA):
        for what, meddling in cases.items():
            bench.set_in_motion()
            since_s = bench.at_random_instant()
            bench.observer.tap.meddling = {topic: meddling}
            bench.expect_rest(f"{topic} {what}", since_s, bound[topic] + LATE_S)
            bench.observer.tap.clear()
        for what, meddling in {"at a fifth of the rate": Meddling(keep=5), "out of order": Meddling(swap=True)}.items():
            bench.set_in_motion()
            bench.observer.tap.meddling = {topic: meddling}
            _watch_limits(bench, f"{topic} {what}", 3.0)


def nonsense(bench: Bench) -> None:
    """NaN and Inf in every slot, jumps, other joints, pictures that show nothing."""
    changes: dict[str, tuple[str, Callable[[Any], None]]] = {
        "joint states hold NaN": (JOINTS, lambda m: _poison(m.position, bench, np.nan)),
        "joint states hold Inf": (JOINTS, lambda m: _poison(m.position, bench, np.inf)),
        "joint states jump": (JOINTS, lambda m: _poison(m.position, bench, 1.5)),
        "joint states of another robot": (JOINTS, lambda m: setattr(m, "name", [f"x{name}" for name in m.name])),
    }
    for what, (topic, change) in changes.items():
        bench.set_in_motion()
        since_s = bench.at_random_instant()
        bench.observer.tap.meddling = {topic: Meddling(change=change)}
        bench.expect_rest(what, since_s, JOINTS_S + LATE_S)
    for what, change in {
        "black pictures": lambda m: setattr(m, "data", bytes(len(m.data))),
        "pictures of another size": lambda m: setattr(m, "height", m.height - 1),
        "pictures of another encoding": lambda m: setattr(m, "encoding", "bgr8"),
    }.items():
        bench.set_in_motion()
        since_s = bench.at_random_instant()
        bench.observer.tap.meddling = {CAMERA: Meddling(change=change)}
        bench.expect_rest(what, since_s, PLAN_S + LATE_S)
    _forged_commands(bench)


def _poison(values: Any, bench: Bench, value: float) -> None:
    index = int(bench.rng.integers(7))
    values[index] = values[index] + value if np.isfinite(value) else value


def _forged_commands(bench: Bench) -> None:
    """A stranger publishes commands and plans that hold NaN, are too fast, too far, or for other joints."""
    node, names = bench.observer.node, list(bench.robot.joints)
    commands = node.create_publisher(JointTrajectory, COMMAND, LATEST)
    bench.set_in_motion()
    for slot in range(14):
        bench.observer.until(lambda: bench.observer.state == "following", 20.0, "no motion between forged commands")
        took_s = _until_held(bench, commands, _command(bench, names, slot, np.nan if slot % 2 else np.inf))
        bench.expect(f"forged command, slot {slot}: hold", took_s, 0.05, "s", bench.observer.safety.get("reason", ""))
    for value in (50.0, -50.0):
        forged = _command(bench, names, 0, value)
        forged.header.stamp = node.get_clock().now().to_msg()
        commands.publish(forged)
    _watch_limits(bench, "forged commands", 1.0)
    node.destroy_publisher(commands)


def _until_held(bench: Bench, publisher: Any, message: JointTrajectory) -> float:
    """Publishes until safety holds: only the newest command is looked at, and a true one may come in between.

    Returns:
        Time from the last of these messages, seconds.
    """
    for _ in range(50):
        message.header.stamp = bench.observer.node.get_clock().now().to_msg()
        sent_s = time.monotonic()
        publisher.publish(message)
        while time.monotonic() < sent_s + 0.1:
            if bench.observer.state != "following":
                return time.monotonic() - sent_s
            time.sleep(0.001)
    return float("inf")


def _command(bench: Bench, names: list[str], slot: int, value: float) -> JointTrajectory:
    from trajectory_msgs.msg import JointTrajectoryPoint

    positions, velocities = list(bench.robot.posture), [0.0] * len(names)
    (positions if slot < len(names) else velocities)[slot % len(names)] = value
    point = JointTrajectoryPoint(positions=positions, velocities=velocities, time_from_start=duration(0.01))
    return JointTrajectory(joint_names=names, points=[point])


def mutated_messages(bench: Bench, count: int) -> None:
    """Bytes that are nearly messages, on every topic that a node listens to."""
    node, rng = bench.observer.node, bench.rng
    topics: dict[str, tuple[type, Any]] = {
        "tapped/joint_states": (JointState, LATEST),
        "tapped/image_raw": (Image, LATEST),
        "perception/latents": (Image, SENSOR),
        "planner/plan": (MultiDOFJointTrajectory, LATEST),
        "goal/image": (Image, LATCHED),
        COMMAND: (JointTrajectory, LATEST),
        GRIPPER_COMMAND: (Float64MultiArray, LATEST),
        "heartbeat": (DiagnosticArray, LATEST),
        "safety/estop_button": (Bool, LATEST),
    }
    bench.set_in_motion()
    publishers = [(node.create_publisher(kind, name, qos), _wire(kind)) for name, (kind, qos) in topics.items()]
    sent = 0
    for index in range(count):
        publisher, good = publishers[index % len(publishers)]
        sent += _sends(publisher, _mutate(good, rng))
        if index % 50 == 0:
            time.sleep(0.005)
    for publisher, _ in publishers:
        node.destroy_publisher(publisher)
    dead = [name for name in MORTALS if not bench.system.is_running(name)]
    note = f"{sent} of {count} were sent, DDS refused the others; {', '.join(dead)}"
    bench.expect("mutated messages: nodes that died", len(dead), 0, "nodes", note)
    _watch_limits(bench, "mutated messages", 1.0)


def _sends(publisher: Any, data: bytes) -> bool:
    """Whether the transport takes these bytes; Cyclone DDS refuses what is not of the topic's type at all."""
    from cyclonedds.core import DDSException

    try:
        publisher.publish(data)
    except DDSException:
        return False
    return True


def _wire(kind: type) -> bytes:
    from rclpy.serialization import serialize_message

    return bytes(serialize_message(kind()))


def _mutate(good: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(good)
    for _ in range(int(rng.integers(1, 6))):
        data[int(rng.integers(4, len(data)))] = int(rng.integers(256))
    cut = int(rng.integers(4, len(data) + 1)) if rng.random() < 0.3 else len(data)
    return bytes(data[:cut]) + (os.urandom(int(rng.integers(64))) if rng.random() < 0.3 else b"")


def strange_goals(bench: Bench, count: int) -> None:
    """Goals that are not pictures of this world: noise, stripes, one colour."""
    bench.set_in_motion()
    goal = bench.observer.goal
    assert goal is not None
    shape = (goal.height, goal.width, 3)
    for index in range(count):
        pixels = bench.rng.integers(0, 256, shape, dtype=np.uint8)
        if index % 3 == 1:
            pixels = np.broadcast_to((255 * (np.arange(shape[1]) // 8 % 2))[None, :, None], shape).astype(np.uint8)
        elif index % 3 == 2:
            pixels = np.full(shape, int(bench.rng.integers(256)), dtype=np.uint8)
        message = Image(height=goal.height, width=goal.width, encoding="rgb8", step=goal.step, data=pixels.tobytes())
        message.header.stamp = bench.observer.node.get_clock().now().to_msg()
        bench.observer.goals.publish(message)
        time.sleep(0.2)
    _watch_limits(bench, f"{count} strange goals", 0.5)


def flood(bench: Bench, seconds: float = 4.0) -> None:
    """A stranger publishes 200 images a second on a topic of its own and on the camera's."""
    node = bench.observer.node
    bench.set_in_motion()
    publishers = [node.create_publisher(Image, name, SENSOR) for name in ("flood/image_raw", "tapped/image_raw")]
    message = Image(height=96, width=96, encoding="rgb8", step=288, data=bytes(96 * 288))
    since_s = time.monotonic()
    while time.monotonic() - since_s < seconds:
        for publisher in publishers:
            publisher.publish(message)
        time.sleep(0.005)
    for publisher in publishers:
        node.destroy_publisher(publisher)
    _watch_limits(bench, "flood of images", 0.5)


def clocks(bench: Bench) -> None:
    """On simulated time: the clock jumps back and forward, stands still, and one node is on another clock."""
    for what, meddling in {
        "clock 5 s back": Meddling(stamp_s=-5.0),
        "clock 5 s ahead": Meddling(stamp_s=5.0),
        "clock stands still": Meddling(keep=0),
    }.items():
        bench.set_in_motion()
        since_s = bench.at_random_instant()
        bench.observer.tap.meddling = {"/clock": meddling}
        bench.expect_rest(what, since_s, NOTICED_S)
        bench.observer.tap.clear()
    bench.set_in_motion()
    since_s = bench.at_random_instant()
    bench.system.kill("perception_node")
    bench.system.start("perception_node", use_sim_time=False)
    bench.expect_rest("perception_node killed, started anew on another clock", since_s, NOTICED_S)
    time.sleep(5.0)
    bench.observer.call("safety/reset")
    bench.expect_no_motion("one node on another clock")


def _watch_limits(bench: Bench, fault: str, seconds: float) -> None:
    """Lets time pass and notes what passed that should not have."""
    broken, bad = bench.observer.limit_violations(), bench.observer.bad_commands
    time.sleep(seconds + 0.3)
    bench.observer.tap.clear()
    note = ", ".join(f"{limit} {ticks}" for limit, ticks in bench.observer.broken().items() if ticks)
    bench.expect(f"{fault}: limits broken", bench.observer.limit_violations() - broken, 0, "ticks", note)
    bench.expect(f"{fault}: bad commands", bench.observer.bad_commands - bad, 0, "commands")
