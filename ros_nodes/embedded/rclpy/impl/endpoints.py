"""The readers and writers that DDS discovery knows of, kept up to date by what changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cyclonedds.builtin import BuiltinDataReader, BuiltinTopic
from cyclonedds.core import DDSException, InstanceState, ReadCondition, SampleState, ViewState
from cyclonedds.qos import Policy, Qos

from rclpy.duration import Duration, Infinite
from rclpy.impl.pairs import user_data_value
from rclpy.impl.qos_policies import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, ReliabilityPolicy
from rclpy.qos import QoSProfile

BATCH = 256
UNREAD = SampleState.NotRead | ViewState.Any | InstanceState.Any
TOPIC, REQUEST, REPLY = "rt", "rq", "rr"
_SUFFIXES = {TOPIC: "", REQUEST: "Request", REPLY: "Reply"}


@dataclass(frozen=True)
class Endpoint:
    """A reader or a writer.

    Attributes:
        gid: the 16 bytes by which other processes know it.
        participant: the same of its participant.
        topic: DDS topic name.
        type_name: DDS type name.
        type_hash: `RIHS01_…`, or None where the endpoint does not say.
        profile: its quality of service.
    """

    gid: bytes
    participant: bytes
    topic: str
    type_name: str
    type_hash: str | None
    profile: QoSProfile

    def ros_name(self, prefix: str) -> str | None:
        """The ROS name, where the DDS topic is of that kind: TOPIC, REQUEST or REPLY."""
        suffix = _SUFFIXES[prefix]
        if not self.topic.startswith(prefix + "/") or not self.topic.endswith(suffix):
            return None
        return self.topic[len(prefix) : len(self.topic) - len(suffix)]


class Discovered:
    """The instances alive of a built-in topic; not thread-safe."""

    def __init__(self, participant: Any, topic: BuiltinTopic) -> None:
        self._reader = BuiltinDataReader(participant, topic)
        self.condition = ReadCondition(self._reader, UNREAD)
        self.alive: dict[bytes, Any] = {}

    def refresh(self) -> None:
        """Take what changed since the last time."""
        for sample in self._samples():
            info, identity = sample.sample_info, sample.key.bytes
            if info.valid_data and info.instance_state & InstanceState.Alive:
                self.alive[identity] = self.convert(sample)
            else:
                self.alive.pop(identity, None)

    def _samples(self) -> Iterator[Any]:
        while True:
            try:
                batch = self._reader.take(BATCH)
            except DDSException:
                raise
            except Exception:
                # The binding gave up on an endpoint; the graph thread must outlive that.
                return
            yield from batch
            if len(batch) < BATCH:
                return

    def convert(self, sample: Any) -> Any:
        """What to keep of a sample."""
        return sample


class Endpoints(Discovered):
    """All readers or all writers of the domain, by gid."""

    alive: dict[bytes, Endpoint]

    def convert(self, sample: Any) -> Endpoint:
        """The endpoint that a sample announces."""
        return Endpoint(
            sample.key.bytes,
            sample.participant_key.bytes,
            sample.topic_name,
            sample.type_name,
            user_data_value(sample.qos, "typehash"),
            profile_of(sample.qos),
        )


def profile_of(qos: Qos) -> QoSProfile:
    """The ROS form of an endpoint's DDS policies."""
    history = qos[Policy.History]
    keep_last = isinstance(history, Policy.History.KeepLast)
    kept = HistoryPolicy.KEEP_ALL if history == Policy.History.KeepAll else HistoryPolicy.UNKNOWN
    reliable = isinstance(qos[Policy.Reliability], Policy.Reliability.Reliable)
    liveliness = qos[Policy.Liveliness]
    manual = isinstance(liveliness, Policy.Liveliness.ManualByTopic)
    lifespan, deadline = qos[Policy.Lifespan], qos[Policy.Deadline]
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST if keep_last else kept,
        depth=history.depth if keep_last else 0,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=_durability(qos),
        lifespan=Duration(nanoseconds=lifespan.lifespan) if lifespan else Infinite,
        deadline=Duration(nanoseconds=deadline.deadline) if deadline else Infinite,
        liveliness=LivelinessPolicy.MANUAL_BY_TOPIC if manual else LivelinessPolicy.AUTOMATIC,
        liveliness_lease_duration=Duration(nanoseconds=liveliness.lease_duration) if liveliness else Infinite,
    )


def _durability(qos: Qos) -> DurabilityPolicy:
    volatile = qos[Policy.Durability] in (None, Policy.Durability.Volatile)
    return DurabilityPolicy.VOLATILE if volatile else DurabilityPolicy.TRANSIENT_LOCAL
