"""`robot-wm topic hz`: how often messages come."""

from __future__ import annotations

import statistics
import time
from collections import deque
from dataclasses import dataclass
from typing import Annotated

import tyro
from rclpy.qos import qos_profile_sensor_data

from ros_nodes.verbs.graph import find_topic, one_type
from ros_nodes.verbs.interfaces import interface
from ros_nodes.verbs.session import Session

REPORT_S = 1.0


@dataclass(frozen=True)
class Hz:
    """Prints the rate of a topic each second.

    Attributes:
        topic_name: The topic.
        window: Most intervals that the rate is taken over.
        reports: Ends after so many reports; 0 for never.
    """

    topic_name: tyro.conf.Positional[str]
    window: Annotated[int, tyro.conf.arg(aliases=["-w"])] = 10_000
    reports: int = 0


def measure(session: Session, config: Hz) -> int:
    """Prints rates until Ctrl-C, or so many as wanted."""
    name, types = find_topic(session, config.topic_name)
    arrivals: deque[float] = deque(maxlen=config.window + 1)
    kind = interface(one_type(name, types), "msg")
    session.node.create_subscription(
        kind, name, lambda _: arrivals.append(time.monotonic()), qos_profile_sensor_data, raw=True
    )
    done, next_report, last = 0, time.monotonic() + REPORT_S, 0.0
    while not config.reports or done < config.reports:
        session.spin_once()
        if time.monotonic() < next_report:
            continue
        next_report += REPORT_S
        if len(arrivals) > 1 and arrivals[-1] != last:
            last, done = arrivals[-1], done + 1
            print(report(list(arrivals)), flush=True)
    return 0


def report(arrivals: list[float]) -> str:
    """Rate and spread of arrival times in seconds, in the form of `ros2 topic hz`."""
    gaps = [later - earlier for earlier, later in zip(arrivals, arrivals[1:], strict=False)]
    mean = statistics.fmean(gaps)
    rate = 1.0 / mean if mean > 0 else float("inf")
    return (
        f"average rate: {rate:.3f}\n\tmin: {min(gaps):.3f}s max: {max(gaps):.3f}s"
        f" std dev: {statistics.pstdev(gaps):.5f}s window: {len(gaps)}"
    )
