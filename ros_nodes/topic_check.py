"""Whether the topics that a contract needs are there, of the right type, at their rate and with a QoS that fits."""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from rclpy.qos import ReliabilityPolicy

from robot_wm.data.bag_report import BagReport
from robot_wm.signals import Signal
from ros_nodes.message_text import message_class
from ros_nodes.qos import SENSOR
from ros_nodes.verbs.session import Session

LISTEN_S = 1.5
"""Long enough to know a rate of a few Hz, and to answer within two seconds."""
RATE_SHARE = 0.8
"""Share of the contract's rate that must be there."""


@dataclass(frozen=True)
class Seen:
    """What was seen of a topic.

    Attributes:
        types: Its types; more than one is a fault.
        rate_hz: Messages a second, None where nobody listened.
        publishers: How many publish it.
        reliable: Whether all of them are reliable; a subscriber that asks for that gets nothing from others.
    """

    types: tuple[str, ...]
    rate_hz: float | None
    publishers: int = 1
    reliable: bool = True


def wrong_topics(needed: Mapping[str, Signal], seen: Mapping[str, Seen], must_be_reliable: bool = False) -> list[str]:
    """What is wrong, one sentence a topic, each with what was seen instead; empty where all is well."""
    return [words for topic, signal in needed.items() if (words := _wrong(topic, signal, seen, must_be_reliable))]


def recorded(found: BagReport) -> dict[str, Seen]:
    """The topics of a recording. Its rates are averages over pauses too, and so are not judged."""
    return {name: Seen((topic.type,), None) for name, topic in found.topics.items()}


def listen(needed: Mapping[str, Signal], listen_s: float = LISTEN_S) -> dict[str, Seen]:
    """The topics of the running system, with the rates of those that are needed."""
    counts = dict.fromkeys(needed, 0)
    with Session() as session:

        def count(topic: str) -> None:
            counts[topic] += 1

        for topic, signal in needed.items():
            kind = message_class(signal.type)
            session.node.create_subscription(kind, topic, lambda _, topic=topic: count(topic), SENSOR, raw=True)
        began = time.monotonic()
        session.until(lambda: False, listen_s)
        elapsed_s = time.monotonic() - began
        return {name: _seen(session, name, tuple(types), counts, elapsed_s) for name, types in _graph(session)}


def _graph(session: Session) -> list[tuple[str, list[str]]]:
    return session.node.get_topic_names_and_types()


def _seen(session: Session, name: str, types: tuple[str, ...], counts: Mapping[str, int], elapsed_s: float) -> Seen:
    offers = session.node.get_publishers_info_by_topic(name)
    reliable = all(offer.qos_profile.reliability == ReliabilityPolicy.RELIABLE for offer in offers)
    published = tuple(sorted({offer.topic_type for offer in offers})) or types
    rate_hz = counts[name] / elapsed_s if name in counts else None
    return Seen(published, rate_hz, len(offers), reliable)


def _wrong(topic: str, signal: Signal, seen: Mapping[str, Seen], must_be_reliable: bool) -> str:
    found = seen.get(topic)
    if found is None or not found.publishers:
        others = [name for name, each in seen.items() if signal.type in each.types and each.publishers]
        near = difflib.get_close_matches(topic, [name for name in seen if name != topic], 1)
        instead = ", ".join(sorted(set(others + near))) or "nothing of its type"
        return f"{topic} ({signal.type}) is missing; seen instead: {instead}"
    if found.types != (signal.type,):
        return f"{topic} is of type {', '.join(found.types)}, the contract needs {signal.type}"
    if must_be_reliable and not found.reliable:
        return f"{topic} is published best-effort, which does not reach a subscriber that asks for reliable"
    if found.rate_hz is not None and found.rate_hz < RATE_SHARE * signal.rate_hz:
        return f"{topic} comes at {found.rate_hz:.1f} Hz, the contract needs {signal.rate_hz:g} Hz"
    return ""
