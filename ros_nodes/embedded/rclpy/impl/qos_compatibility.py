"""Whether a publisher's and a subscription's quality of service go together."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import TYPE_CHECKING

from rclpy.duration import Duration, Infinite
from rclpy.impl.qos_policies import DurabilityPolicy, LivelinessPolicy, QoSPolicyKind, ReliabilityPolicy

if TYPE_CHECKING:
    from rclpy.qos import QoSProfile

_OPEN = ("SYSTEM_DEFAULT", "UNKNOWN")


class QoSCompatibility(IntEnum):
    """Verdict of `qos_check_compatible`."""

    OK = 0
    WARNING = 1
    ERROR = 2


def mismatches(offered: QoSProfile, requested: QoSProfile) -> Iterator[tuple[QoSPolicyKind, str, str]]:
    """The policies that keep a subscription from matching: (policy, what is offered, what is requested)."""
    best_effort, volatile = ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE
    if offered.reliability == best_effort and requested.reliability == ReliabilityPolicy.RELIABLE:
        yield QoSPolicyKind.RELIABILITY, "BEST_EFFORT", "RELIABLE"
    if offered.durability == volatile and requested.durability == DurabilityPolicy.TRANSIENT_LOCAL:
        yield QoSPolicyKind.DURABILITY, "VOLATILE", "TRANSIENT_LOCAL"
    if _limit(offered.deadline) > _limit(requested.deadline):
        yield QoSPolicyKind.DEADLINE, str(_limit(offered.deadline)), str(_limit(requested.deadline))
    manual = requested.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC
    if manual and offered.liveliness == LivelinessPolicy.AUTOMATIC:
        yield QoSPolicyKind.LIVELINESS, "AUTOMATIC", "MANUAL_BY_TOPIC"
    lease, wanted = _limit(offered.liveliness_lease_duration), _limit(requested.liveliness_lease_duration)
    if lease > wanted:
        yield QoSPolicyKind.LIVELINESS, f"a lease of {lease}", f"a lease of {wanted}"


def _limit(duration: Duration) -> Duration:
    return Infinite if duration.nanoseconds == 0 else duration


def _undecided(offered: QoSProfile, requested: QoSProfile) -> Iterator[str]:
    for policy in ("reliability", "durability", "liveliness"):
        ours, theirs = getattr(offered, policy), getattr(requested, policy)
        if ours.name in _OPEN or theirs.name in _OPEN:
            yield f"WARNING: {policy} is {ours.name} at the publisher and {theirs.name} at the subscription;"


def qos_check_compatible(publisher_qos: QoSProfile, subscription_qos: QoSProfile) -> tuple[QoSCompatibility, str]:
    """Whether a subscription gets a publisher's messages, and the reasons against it.

    A policy that is a system default or unknown leaves it open, which is the verdict WARNING.
    """
    errors = [
        f"ERROR: {kind.name}: the publisher offers {ours} and the subscription requests {theirs};"
        for kind, ours, theirs in mismatches(publisher_qos, subscription_qos)
    ]
    if errors:
        return QoSCompatibility.ERROR, " ".join(errors)
    open_questions = list(_undecided(publisher_qos, subscription_qos))
    return (QoSCompatibility.WARNING if open_questions else QoSCompatibility.OK), " ".join(open_questions)
