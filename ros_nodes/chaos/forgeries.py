"""Forgeries: messages that hold nonsense, from parts that are broken or from strangers on the network."""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Bool, Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint, MultiDOFJointTrajectory

from robot_wm.contract import TABLETOP
from ros_nodes.arm_commands import COMMAND, GRIPPER_COMMAND
from ros_nodes.chaos.bench import Bench
from ros_nodes.chaos.faults import JOINTS_S, LATE_S, MORTALS, PLAN_S, watch_limits
from ros_nodes.chaos.tap import CAMERA, JOINTS, LATENTS, PLAN, Meddling
from ros_nodes.conversions import array_to_image, duration, seconds
from ros_nodes.qos import LATCHED, LATEST, SENSOR
from sim.world import World

DECISION_S = 0.2
"""Time from one latent, and plan, to the next."""
ASKED_S = 60.0
"""So long after a goal that cannot be reached the planner must hold or ask."""


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
    for value in (np.nan, np.inf):
        for what, topic, change in (
            (f"latents hold {value}", LATENTS, lambda m, value=value: _poison_latent(m, bench, value)),
            (f"plans hold {value}", PLAN, lambda m, value=value: _poison_plan(m, bench, value)),
        ):
            bench.set_in_motion()
            since_s = bench.at_random_instant()
            bench.observer.tap.meddling = {topic: Meddling(change=change)}
            bench.expect_rest(what, since_s, DECISION_S + LATE_S)
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


def _poison_latent(message: Image, bench: Bench, value: float) -> None:
    numbers = np.frombuffer(bytes(message.data), dtype="<f4").copy()
    numbers[int(bench.rng.integers(len(numbers)))] = value
    message.data = array("B", numbers.tobytes())


def _poison_plan(message: MultiDOFJointTrajectory, bench: Bench, value: float) -> None:
    if not message.points:
        return
    hand, gripper = message.points[int(bench.rng.integers(len(message.points)))].transforms
    slots = [(part, axis) for part, axes in ((hand.translation, "xyz"), (hand.rotation, "xyzw")) for axis in axes]
    slots.append((gripper.translation, "x"))
    part, axis = slots[int(bench.rng.integers(len(slots)))]
    setattr(part, axis, value)


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
    watch_limits(bench, "forged commands", 1.0)
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
        "tapped/latents": (Image, LATEST),
        "tapped/plan": (MultiDOFJointTrajectory, LATEST),
        "goal/image": (Image, LATCHED),
        COMMAND: (JointTrajectory, LATEST),
        GRIPPER_COMMAND: (Float64MultiArray, LATEST),
        "heartbeat": (DiagnosticArray, LATEST),
        "safety/estop_button": (Bool, LATEST),
    }
    bench.set_in_motion()
    publishers = [(node.create_publisher(kind, name, qos), kind, _wire(kind)) for name, (kind, qos) in topics.items()]
    sent, slowest_s = 0, 0.0
    for index in range(count):
        publisher, kind, good = publishers[index % len(publishers)]
        data = _mutate(good, rng)
        slowest_s = max(slowest_s, _reading_s(data, kind))
        sent += _sends(publisher, data)
        if index % 50 == 0:
            time.sleep(0.005)
    for publisher, _, _ in publishers:
        node.destroy_publisher(publisher)
    dead = [name for name in MORTALS if not bench.system.is_running(name)]
    note = f"{sent} of {count} were sent, DDS refused the others; {', '.join(dead)}"
    bench.expect("mutated messages: nodes that died", len(dead), 0, "nodes", note)
    bench.expect("mutated messages: slowest to read", slowest_s, 0.05, "s")
    watch_limits(bench, "mutated messages", 1.0)


def _sends(publisher: Any, data: bytes) -> bool:
    """Whether the transport takes these bytes; Cyclone DDS refuses what is not of the topic's type at all."""
    from cyclonedds.core import DDSException

    try:
        publisher.publish(data)
    except DDSException:
        return False
    return True


def _reading_s(data: bytes, kind: type) -> float:
    """Processor time until a message has been read, or refused."""
    from rclpy.serialization import deserialize_message

    begun_s = time.thread_time()
    with suppress(Exception):  # rclpy raises what its middleware does
        deserialize_message(data, kind)
    return time.thread_time() - begun_s


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
    """Goals that are not pictures of this world, or show the hand where it cannot get to.

    They follow one another with every decision; at the end one of each kind is left until the planner asks.
    """
    bench.set_in_motion()
    with closing(World()) as world:
        kinds = _strange_pictures(bench, world)
        for index in range(count):
            _show(bench, list(kinds.values())[index % len(kinds)]())
            time.sleep(DECISION_S)
        watch_limits(bench, f"{count} strange goals", 0.5)
        for what, picture in kinds.items():
            shown_s, stamp_s = time.monotonic(), _show(bench, picture())
            bench.observer.until(partial(_is_noticed, bench, stamp_s), 5.0, "the planner does not notice a new goal")
            time.sleep(2 * DECISION_S)  # what it said of the goal before is out of date by then
            while not _asks(bench) and time.monotonic() < shown_s + ASKED_S:
                time.sleep(0.05)
            took_s = time.monotonic() - shown_s if _asks(bench) else float("inf")
            bench.expect(f"goal is {what}: the planner asks", took_s, ASKED_S, "s", _planner_says(bench))


def _strange_pictures(bench: Bench, world: World) -> dict[str, Callable[[], np.ndarray]]:
    camera, rng = TABLETOP.camera, bench.rng
    shape = (camera.height, camera.width, 3)
    stripes = np.broadcast_to((255 * (np.arange(shape[1]) // 8 % 2))[None, :, None], shape).astype(np.uint8)

    def out_of_reach() -> np.ndarray:
        world.reset(rng)
        world.place_robot(np.array([rng.uniform(0.4, 0.6), rng.uniform(-0.2, 0.2), rng.uniform(0.5, 0.6)]))
        return world.render(camera.name, camera.height, camera.width)

    return {
        "noise": lambda: rng.integers(0, 256, shape, dtype=np.uint8),
        "stripes": lambda: np.roll(stripes, int(rng.integers(16)), axis=1),
        "one colour": lambda: np.full(shape, rng.integers(256, size=3), dtype=np.uint8),
        "out of reach": out_of_reach,
    }


def _show(bench: Bench, pixels: np.ndarray) -> float:
    """Sends a picture as the goal; its stamp, seconds."""
    stamp = bench.observer.node.get_clock().now().to_msg()
    bench.observer.goals.publish(array_to_image(pixels, stamp, TABLETOP.camera.frame))
    return seconds(stamp)


def _is_noticed(bench: Bench, stamp_s: float) -> bool:
    """Whether the planner has taken or refused the goal of that stamp."""
    health = bench.observer.health.get("planner_node", {})
    taken = abs(float(health.get("goal_stamp_s", "nan")) - stamp_s) < 1e-3
    return taken or bool(health.get("goal_refused"))


def _planner_says(bench: Bench) -> str:
    return bench.observer.health.get("planner_node", {}).get("message", "")


def _asks(bench: Bench) -> bool:
    """Whether the planner holds with a reason or a question, or refused the goal."""
    return _planner_says(bench).startswith(("holding:", "waiting for goal/image; goal refused"))


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
    watch_limits(bench, "flood of images", 0.5)
