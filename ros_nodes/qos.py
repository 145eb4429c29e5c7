"""The QoS profiles of the interface."""

from __future__ import annotations

from collections.abc import Iterable

import yaml
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

SENSOR = QoSProfile(
    depth=1,
    history=HistoryPolicy.KEEP_LAST,
    reliability=ReliabilityPolicy.BEST_EFFORT,
    durability=DurabilityPolicy.VOLATILE,
)
"""SensorData QoS of which only the newest message is kept."""

LATEST = QoSProfile(
    depth=1,
    history=HistoryPolicy.KEEP_LAST,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
"""Reliable, only the newest message is kept."""

LATCHED = QoSProfile(
    depth=1,
    history=HistoryPolicy.KEEP_LAST,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""Reliable, and whoever comes late still gets the newest message."""

BEATS = QoSProfile(
    depth=30,
    history=HistoryPolicy.KEEP_LAST,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
"""Reliable; many nodes publish on one topic, and what one says must not push out what another said."""


def matching(offered: Iterable[QoSProfile], depth: int) -> QoSProfile:
    """What every publisher can serve: reliable, and history for late comers, only where all of them offer it."""
    profiles = list(offered)
    reliable = profiles and all(profile.reliability == ReliabilityPolicy.RELIABLE for profile in profiles)
    latched = profiles and all(profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for profile in profiles)
    return QoSProfile(
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def as_yaml(qos: QoSProfile) -> str:
    """A list of this one profile in rosbag2's form with numbers, so that a playback offers the same."""
    forever = {"sec": 9223372036, "nsec": 854775807}
    profile = {
        "history": int(qos.history),
        "depth": qos.depth,
        "reliability": int(qos.reliability),
        "durability": int(qos.durability),
        "deadline": dict(forever),
        "lifespan": dict(forever),
        "liveliness": 1,
        "liveliness_lease_duration": dict(forever),
        "avoid_ros_namespace_conventions": False,
    }
    return yaml.safe_dump([profile], sort_keys=False)
