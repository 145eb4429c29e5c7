"""The faults: each one breaks something in a running system and notes what came of it."""

from __future__ import annotations

import signal
import time

import numpy as np
from std_msgs.msg import Bool

from ros_nodes.chaos.bench import Bench
from ros_nodes.chaos.tap import CAMERA, JOINTS, Meddling
from ros_nodes.qos import LATEST

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
            watch_limits(bench, f"{topic} {what}", 3.0)


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


def watch_limits(bench: Bench, fault: str, seconds: float) -> None:
    """Lets time pass and notes what passed that should not have."""
    broken, bad = bench.observer.broken(), bench.observer.bad_commands
    time.sleep(seconds)
    bench.expect_limits_kept(fault, broken)
    bench.observer.tap.clear()
    bench.expect(f"{fault}: bad commands", bench.observer.bad_commands - bad, 0, "commands")
