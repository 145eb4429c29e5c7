"""Policies that are chosen by what the other side of a topic has when an endpoint is made (BEST_AVAILABLE)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy

from rclpy.duration import Duration, Infinite
from rclpy.qos import (
    UNSPECIFIED,
    DeadlineBestAvailable,
    DurabilityPolicy,
    LivelinessLeaseDurationeBestAvailable,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_profile_services_default,
)

Choose = Callable[[Iterable[int]], int]


def for_subscription(profile: QoSProfile, publishers: Iterable[QoSProfile]) -> QoSProfile:
    """The strictest policies that all publishers offer, where the profile leaves them open."""
    peers = list(publishers)
    reliable = all(peer.reliability == ReliabilityPolicy.RELIABLE for peer in peers)
    durable = all(peer.durability == DurabilityPolicy.TRANSIENT_LOCAL for peer in peers)
    manual = all(peer.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC for peer in peers)
    return _filled(profile, peers, max, reliable=reliable, durable=durable, manual=manual)


def for_publisher(profile: QoSProfile, subscriptions: Iterable[QoSProfile]) -> QoSProfile:
    """What every subscription is content with, where the profile leaves it open."""
    peers = list(subscriptions)
    manual = any(peer.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC for peer in peers)
    return _filled(profile, peers, min, reliable=True, durable=True, manual=manual)


def for_service(profile: QoSProfile) -> QoSProfile:
    """The policies of services, where the profile leaves them open."""
    usual, filled = qos_profile_services_default, copy(profile)
    for name in _open_policies(profile):
        setattr(filled, name, getattr(usual, name))
    return filled


def _filled(
    profile: QoSProfile, peers: list[QoSProfile], choose: Choose, *, reliable: bool, durable: bool, manual: bool
) -> QoSProfile:
    chosen = {
        "reliability": ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        "durability": DurabilityPolicy.TRANSIENT_LOCAL if durable else DurabilityPolicy.VOLATILE,
        "liveliness": LivelinessPolicy.MANUAL_BY_TOPIC if manual else LivelinessPolicy.AUTOMATIC,
        "deadline": _extreme((peer.deadline for peer in peers), choose),
        "liveliness_lease_duration": _extreme((peer.liveliness_lease_duration for peer in peers), choose),
    }
    filled = copy(profile)
    for name in _open_policies(profile):
        setattr(filled, name, chosen[name])
    return filled


def is_open(profile: QoSProfile) -> bool:
    """Whether some policy is to be chosen by the peers."""
    return bool(_open_policies(profile))


def _open_policies(profile: QoSProfile) -> list[str]:
    left_open = {
        "reliability": ReliabilityPolicy.BEST_AVAILABLE,
        "durability": DurabilityPolicy.BEST_AVAILABLE,
        "liveliness": LivelinessPolicy.BEST_AVAILABLE,
        "deadline": DeadlineBestAvailable,
        "liveliness_lease_duration": LivelinessLeaseDurationeBestAvailable,
    }
    return [name for name, value in left_open.items() if getattr(profile, name) == value]


def _extreme(durations: Iterable[Duration], choose: Choose) -> Duration:
    """The largest or smallest one that was set, or none where none was."""
    limits = [each.nanoseconds for each in durations if each not in (UNSPECIFIED, Infinite)]
    return Duration(nanoseconds=choose(limits)) if limits else UNSPECIFIED
