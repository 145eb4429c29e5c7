"""`robot-wm topic echo`: the messages of a topic as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from tyro.conf import Positional

from robot_wm.errors import RobotWmError
from ros_nodes.qos import matching
from ros_nodes.verbs.graph import absolute, find_topic, one_type
from ros_nodes.verbs.interfaces import Brevity, field_of, interface, to_yaml
from ros_nodes.verbs.session import Session

FOREVER_S = float("inf")


@dataclass(frozen=True)
class Echo:
    """Prints the messages of a topic.

    Attributes:
        topic_name: The topic.
        message_type: Its type; by default that of its publishers.
        once: Only the first message.
        field: Only this field, as in `pose.position.x`.
        no_arr: Only type and length of arrays.
        full_length: Everything of long texts and arrays.
        truncate_length: Otherwise so many characters or elements.
        qos_reliability: By default what the publishers offer.
        qos_durability: By default what the publishers offer.
        qos_depth: Messages to keep.
        timeout: Seconds to wait for the first message, and to wait for the topic; for ever by default.
    """

    topic_name: Positional[str]
    message_type: Positional[str | None] = None
    once: bool = False
    field: str = ""
    no_arr: bool = False
    full_length: Annotated[bool, tyro.conf.arg(aliases=["-f"])] = False
    truncate_length: Annotated[int, tyro.conf.arg(aliases=["-l"])] = 128
    qos_reliability: Literal["reliable", "best_effort"] | None = None
    qos_durability: Literal["volatile", "transient_local"] | None = None
    qos_depth: int = 10
    timeout: float | None = None


def echo(session: Session, config: Echo) -> int:
    """Prints messages until Ctrl-C, or the first with `once`."""
    kind = config.message_type
    if kind is None:
        kind = one_type(*find_topic(session, config.topic_name))
    name, count = absolute(config.topic_name), 0
    brevity = Brevity(None if config.full_length else config.truncate_length, not config.no_arr)

    def show(message: Any) -> None:
        nonlocal count
        if not (config.once and count):
            print(to_yaml(field_of(message, config.field), brevity) + "---", flush=True)
        count += 1

    session.node.create_subscription(interface(kind, "msg"), name, show, matching_qos(session, name, config))
    first = session.until(lambda: count, FOREVER_S if config.timeout is None else config.timeout)
    if not first:
        raise RobotWmError(f"no message on '{name}' within {config.timeout:g} s")
    while not config.once:
        session.spin_once()
    return 0


def matching_qos(session: Session, name: str, config: Echo) -> QoSProfile:
    """The strictest profile that all publishers match, but for what the command line says."""
    profile = matching((info.qos_profile for info in session.node.get_publishers_info_by_topic(name)), config.qos_depth)
    if config.qos_reliability is not None:
        profile.reliability = ReliabilityPolicy[config.qos_reliability.upper()]
    if config.qos_durability is not None:
        profile.durability = DurabilityPolicy[config.qos_durability.upper()]
    return profile
