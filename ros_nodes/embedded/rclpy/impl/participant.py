"""One DDS participant for each context: topics, readers, writers and what is announced about them."""

import threading
from typing import Any

from cyclonedds.core import DDSException, Entity
from cyclonedds.domain import DomainParticipant
from cyclonedds.internal import c_call, dds_c_t
from cyclonedds.pub import DataWriter
from cyclonedds.qos import Policy, Qos
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from rclpy.impl.idl import wire_type
from rclpy.impl.network import open_domain
from rclpy.impl.types import type_hash
from rclpy.qos import UNSPECIFIED, DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

FOREVER = duration(infinite=True)
NODE_ENCLAVE = b"enclave=/;"


class TransportError(RuntimeError):
    """DDS refused something; the message names the topic."""


def dds_qos(profile: QoSProfile, user_data: bytes = b"") -> Qos:
    """The DDS form of a profile, as rmw_cyclonedds translates it."""
    keep_all = profile.history == HistoryPolicy.KEEP_ALL
    depth = max(1, profile.depth)
    policies: list[Any] = [
        Policy.History.KeepAll if keep_all else Policy.History.KeepLast(depth),
        Policy.Reliability.BestEffort
        if profile.reliability == ReliabilityPolicy.BEST_EFFORT
        else Policy.Reliability.Reliable(FOREVER),
        Policy.WriterDataLifecycle(autodispose=False),
        Policy.Userdata(user_data),
    ]
    if profile.durability == DurabilityPolicy.TRANSIENT_LOCAL:
        history = Policy.History.KeepAll if keep_all else Policy.History.KeepLast(depth)
        policies += [Policy.Durability.TransientLocal, Policy.DurabilityService(0, history, -1, -1, -1)]
    else:
        policies.append(Policy.Durability.Volatile)
    if profile.deadline != UNSPECIFIED:
        policies.append(Policy.Deadline(profile.deadline.nanoseconds))
    if profile.lifespan != UNSPECIFIED:
        policies.append(Policy.Lifespan(profile.lifespan.nanoseconds))
    lease = profile.liveliness_lease_duration
    lease_ns = FOREVER if lease == UNSPECIFIED else lease.nanoseconds
    manual = profile.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC
    policies.append((Policy.Liveliness.ManualByTopic if manual else Policy.Liveliness.Automatic)(lease_ns))
    return Qos(*policies)


def gid(entity: Entity) -> bytes:
    """The 16 bytes by which other processes know an entity."""
    return entity.guid.bytes


class _Liveliness(Entity):
    @c_call("dds_assert_liveliness")
    def assert_for(self, entity: dds_c_t.entity) -> dds_c_t.returnv:  # type: ignore[valid-type]
        """Bound to the C function of that name, which the binding does not offer."""


def assert_liveliness(writer: DataWriter) -> None:
    """Show that a writer with manual liveliness is alive."""
    _Liveliness.assert_for(writer, writer._ref)


class Participant:
    """A participant and its topics.

    Args:
        domain_id: 0..232.

    Raises:
        TransportError: the participant cannot be made, e.g. no process slot is free on this machine.
    """

    def __init__(self, domain_id: int) -> None:
        try:
            self._domain = open_domain(domain_id)
            self.dds = DomainParticipant(domain_id, Qos(Policy.Userdata(NODE_ENCLAVE)))
        except DDSException as error:
            raise TransportError(
                f"cannot join DDS domain {domain_id}: {error} Look at ROS_DOMAIN_ID and CYCLONEDDS_URI,"
                " and for too many processes in the domain."
            ) from error
        self.domain_id = domain_id
        self._lock = threading.Lock()
        self._topics: dict[str, tuple[str, Topic]] = {}
        self._pairs = 0

    def topic(self, name: str, type_name: str, with_header: bool = False) -> Topic:
        """The DDS topic of that name, made once.

        Raises:
            TransportError: this process uses the name with another type already.
        """
        with self._lock:
            known = self._topics.get(name)
            if known is None:
                try:
                    known = type_name, Topic(self.dds, name, wire_type(type_name, with_header))
                except DDSException as error:
                    raise TransportError(f"cannot make topic {name} of type {type_name}: {error}") from error
                self._topics[name] = known
        if known[0] != type_name:
            raise TransportError(f"topic {name} has type {known[0]} in this process; it cannot have {type_name} too")
        return known[1]

    def writer(self, topic: Topic, type_name: str, profile: QoSProfile, user_data: bytes = b"") -> DataWriter:
        """A writer whose user data carries the type's hash."""
        return DataWriter(self.dds, topic, dds_qos(profile, user_data + _hash_note(type_name)))

    def reader(self, topic: Topic, type_name: str, profile: QoSProfile, user_data: bytes = b"") -> DataReader:
        """A reader whose user data carries the type's hash."""
        return DataReader(self.dds, topic, dds_qos(profile, user_data + _hash_note(type_name)))

    def pair_id(self) -> str:
        """A name that ties together the reader and the writer of one service or client, as rmw_cyclonedds writes it."""
        with self._lock:
            self._pairs += 1
            number = self._pairs
        return ".".join(f"{byte:x}" for byte in gid(self.dds)[:12] + number.to_bytes(4, "big"))


def _hash_note(type_name: str) -> bytes:
    return f"typehash={type_hash(type_name)};".encode()
