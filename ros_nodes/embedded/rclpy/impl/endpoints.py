"""The readers and writers that DDS discovery knows of, kept up to date by what changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cyclonedds.builtin import BuiltinDataReader, BuiltinTopic
from cyclonedds.core import DDSException, InstanceState, ReadCondition, SampleState, ViewState
from cyclonedds.qos import Policy, Qos

from rclpy.duration import Duration, Infinite
from rclpy.impl.pairs import user_data_value
from rclpy.impl.qos_policies import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, ReliabilityPolicy
from rclpy.logging import get_logger
from rclpy.qos import QoSProfile

BATCH = 256
CALLED_BY_THE_BINDING = ("_constructor", "_cqos_conv")
UNREAD = SampleState.NotRead | ViewState.Any | InstanceState.Any
_CONVERTING = threading.Lock()
"""The binding reads all QoS policies through one set of buffers, whichever thread asks."""
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
    """The instances alive of a built-in topic; not thread-safe.

    Attributes:
        unread: how many samples could not be read.
    """

    def __init__(self, participant: Any, topic: BuiltinTopic) -> None:
        self._reader: Any = BuiltinDataReader(participant, topic)
        for name in CALLED_BY_THE_BINDING:
            if hasattr(self._reader, name):
                setattr(self._reader, name, self._never_raising(getattr(self._reader, name)))
        self.condition = ReadCondition(self._reader, UNREAD)
        self.alive: dict[bytes, Any] = {}
        self.unread = 0
        self._interrupt: BaseException | None = None

    def _never_raising(self, make: Callable[..., Any]) -> Callable[..., Any]:
        """What the binding calls for each sample: it would drop the whole batch, and the reason, if one of them raised.

        That happens, too, where Ctrl-C comes just then; the interrupt is raised once the batch is safe.
        """

        def made(*arguments: Any) -> Any:
            try:
                return make(*arguments)
            except Exception as error:
                self._note(error)
            except BaseException as interrupt:
                self._interrupt = interrupt
            return None

        return made

    def _note(self, error: Exception) -> None:
        self.unread += 1
        if self.unread == 1:
            words = f"{type(error).__name__}: {error}"
            get_logger("rclpy").warning(f"something that DDS discovered cannot be read; the graph lacks it: {words}")

    def refresh(self) -> None:
        """Take what changed since the last time."""
        for sample in self._samples():
            info, identity = sample.sample_info, sample.key.bytes
            if not info.valid_data or not info.instance_state & InstanceState.Alive:
                self.alive.pop(identity, None)
            elif sample.qos is not None:
                self.alive[identity] = self.convert(sample)
        interrupt, self._interrupt = self._interrupt, None
        if interrupt is not None:
            raise interrupt

    def _samples(self) -> Iterator[Any]:
        size = BATCH
        while size == BATCH:
            try:
                with _CONVERTING:
                    batch = self._reader.take(BATCH)
            except DDSException:
                raise
            except Exception as error:  # the binding's own; the graph must outlive it
                self._note(error)
                return
            size = len(batch)
            yield from (sample for sample in batch if sample is not None)

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
