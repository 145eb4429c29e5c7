"""Events of publishers and subscriptions: incompatible QoS, matching, deadlines, liveliness, lost samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cyclonedds.core import DDSStatus, Entity

from rclpy.callback_groups import CallbackGroup
from rclpy.impl.entity import Waitable, Work
from rclpy.impl.logger import RcutilsLogger
from rclpy.qos import QoSPolicyKind

EventCallback = Callable[[Any], None]
_DDS_POLICIES = {
    2: QoSPolicyKind.DURABILITY,
    4: QoSPolicyKind.DEADLINE,
    8: QoSPolicyKind.LIVELINESS,
    11: QoSPolicyKind.RELIABILITY,
}
_SUBSCRIPTION_STATUS = {
    "deadline": (DDSStatus.RequestedDeadlineMissed, "requested_deadline_missed"),
    "incompatible_qos": (DDSStatus.RequestedIncompatibleQos, "requested_incompatible_qos"),
    "liveliness": (DDSStatus.LivelinessChanged, "liveliness_changed"),
    "message_lost": (DDSStatus.SampleLost, "sample_lost"),
    "matched": (DDSStatus.SubscriptionMatched, "subscription_matched"),
}
_PUBLISHER_STATUS = {
    "deadline": (DDSStatus.OfferedDeadlineMissed, "offered_deadline_missed"),
    "incompatible_qos": (DDSStatus.OfferedIncompatibleQos, "offered_incompatible_qos"),
    "liveliness": (DDSStatus.LivelinessLost, "liveliness_lost"),
    "matched": (DDSStatus.PublicationMatched, "publication_matched"),
}


@dataclass(frozen=True)
class QoSIncompatibleInfo:
    """What an incompatible peer was refused for."""

    total_count: int
    total_count_change: int
    last_policy_kind: QoSPolicyKind


QoSRequestedIncompatibleQoSInfo = QoSOfferedIncompatibleQoSInfo = QoSIncompatibleInfo


@dataclass
class SubscriptionEventCallbacks:
    """What to call at a subscription's events; incompatible QoS is logged where nothing else is given."""

    deadline: EventCallback | None = None
    incompatible_qos: EventCallback | None = None
    liveliness: EventCallback | None = None
    message_lost: EventCallback | None = None
    matched: EventCallback | None = None
    use_default_callbacks: bool = True

    def watch(self, reader: Entity, topic: str, logger: RcutilsLogger, group: CallbackGroup) -> EventHandler:
        """The entity that an executor watches for these events."""

        def warn(info: QoSIncompatibleInfo) -> None:
            logger.warning(
                f"New publisher discovered on topic '{topic}', offering incompatible QoS. No messages will be"
                f" received from it. Last incompatible policy: {info.last_policy_kind.name}"
            )

        callbacks = _given(self, _SUBSCRIPTION_STATUS, warn)
        return EventHandler(reader, {_SUBSCRIPTION_STATUS[name]: call for name, call in callbacks.items()}, group)


@dataclass
class PublisherEventCallbacks:
    """What to call at a publisher's events; incompatible QoS is logged where nothing else is given."""

    deadline: EventCallback | None = None
    incompatible_qos: EventCallback | None = None
    liveliness: EventCallback | None = None
    matched: EventCallback | None = None
    use_default_callbacks: bool = True

    def watch(self, writer: Entity, topic: str, logger: RcutilsLogger, group: CallbackGroup) -> EventHandler:
        """The entity that an executor watches for these events."""

        def warn(info: QoSIncompatibleInfo) -> None:
            logger.warning(
                f"New subscription discovered on topic '{topic}', requesting incompatible QoS. No messages will be"
                f" sent to it. Last incompatible policy: {info.last_policy_kind.name}"
            )

        callbacks = _given(self, _PUBLISHER_STATUS, warn)
        return EventHandler(writer, {_PUBLISHER_STATUS[name]: call for name, call in callbacks.items()}, group)


def _given(callbacks: Any, names: dict[str, Any], default: EventCallback) -> dict[str, EventCallback]:
    given = {name: getattr(callbacks, name) for name in names if getattr(callbacks, name)}
    if callbacks.use_default_callbacks:
        given.setdefault("incompatible_qos", default)
    return given


class EventHandler(Waitable):
    """Watches the status of one reader or writer."""

    def __init__(
        self, endpoint: Entity, callbacks: dict[tuple[int, str], EventCallback], callback_group: CallbackGroup
    ) -> None:
        super().__init__(callback_group)
        self._callbacks = callbacks
        self._mask = 0
        for mask, _ in callbacks:
            self._mask |= mask
        self.condition = endpoint
        endpoint.set_status_mask(self._mask)

    def take(self) -> Work | None:
        """Read the statuses that changed."""
        endpoint: Any = self.condition
        changed = endpoint.get_status_changes() & self._mask if endpoint is not None else 0
        found = [
            (callback, _readable(getattr(endpoint, f"get_{name}_status")()))
            for (mask, name), callback in self._callbacks.items()
            if changed & mask
        ]

        def work() -> None:
            for callback, info in found:
                callback(info)

        return work if found else None


def _readable(status: Any) -> Any:
    if not hasattr(status, "last_policy_id"):
        return status
    policy = _DDS_POLICIES.get(status.last_policy_id, QoSPolicyKind.INVALID)
    return QoSIncompatibleInfo(int(status.total_count), int(status.total_count_change), policy)
