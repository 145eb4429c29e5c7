"""`robot-wm topic pub`: publishing a message from the command line."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from tyro.conf import Positional

from robot_wm.errors import RobotWmError
from ros_nodes.verbs.graph import absolute
from ros_nodes.verbs.interfaces import from_yaml, interface
from ros_nodes.verbs.session import Session


@dataclass(frozen=True)
class Pub:
    """Publishes a message again and again.

    Attributes:
        topic_name: The topic.
        message_type: Its type, as `std_msgs/msg/String`.
        values: Fields as YAML; a header may be `auto` and a time `now`.
        rate: Messages a second.
        once: Only one message.
        times: Only so many; 0 for no end.
        wait_matching_subscriptions: Subscriptions to wait for; by default 1 with `once` and `times`, otherwise none.
        max_wait_time_secs: Seconds to wait for them; for ever by default.
        keep_alive: Seconds to stay after the last message, so that it arrives.
        qos_reliability: Reliability of the publisher.
        qos_durability: Durability of the publisher.
        qos_depth: Messages to keep.
    """

    topic_name: Positional[str]
    message_type: Positional[str]
    values: Positional[str] = "{}"
    rate: Annotated[float, tyro.conf.arg(aliases=["-r"])] = 1.0
    once: Annotated[bool, tyro.conf.arg(aliases=["-1"])] = False
    times: Annotated[int, tyro.conf.arg(aliases=["-t"])] = 0
    wait_matching_subscriptions: Annotated[int | None, tyro.conf.arg(aliases=["-w"])] = None
    max_wait_time_secs: float | None = None
    keep_alive: float = 0.1
    qos_reliability: Literal["reliable", "best_effort"] = "reliable"
    qos_durability: Literal["volatile", "transient_local"] = "volatile"
    qos_depth: int = 10


def publish(session: Session, config: Pub) -> int:
    """Publishes until Ctrl-C, or so often as wanted."""
    if not config.rate > 0 or config.times < 0:
        raise RobotWmError(f"rate must be above 0 and times not below; got {config.rate} and {config.times}")
    times = 1 if config.once else config.times
    kind = interface(config.message_type, "msg")
    from_yaml(kind(), config.values)  # fails before anything is sent; filled anew each time for its stamps
    profile = QoSProfile(
        depth=config.qos_depth,
        reliability=ReliabilityPolicy[config.qos_reliability.upper()],
        durability=DurabilityPolicy[config.qos_durability.upper()],
    )
    publisher = session.node.create_publisher(kind, absolute(config.topic_name), profile)
    _wait_for_subscriptions(session, publisher, config, bool(times))
    print("publisher: beginning loop", flush=True)
    sent, due = 0, time.monotonic()
    while not times or sent < times:
        sent, due = sent + 1, due + 1.0 / config.rate
        message = from_yaml(kind(), config.values)
        print(f"publishing #{sent}: {message!r}\n", flush=True)
        publisher.publish(message)
        while time.monotonic() < due and sent != times:
            session.spin_once(max(0.0, due - time.monotonic()))
    session.until(lambda: False, config.keep_alive)
    return 0


def _wait_for_subscriptions(session: Session, publisher: Publisher, config: Pub, ends: bool) -> None:
    wanted = config.wait_matching_subscriptions
    wanted = int(ends) if wanted is None else wanted
    count = publisher.get_subscription_count
    limit = float("inf") if config.max_wait_time_secs is None else config.max_wait_time_secs
    if wanted and count() < wanted:
        print(f"Waiting for at least {wanted} matching subscription(s)...", flush=True)
    if not session.until(lambda: count() >= wanted, limit):
        raise RobotWmError(
            f"'{config.topic_name}' has {count()} matching subscriptions after {limit:g} s, {wanted} are wanted;"
            " look at its type and QoS with: robot-wm topic info -v"
        )
