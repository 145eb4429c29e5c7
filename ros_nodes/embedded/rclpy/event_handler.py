"""Events of publishers and subscriptions: incompatible QoS, matching, deadlines, liveliness, lost samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cyclonedds.core import DDSStatus, Entity

from rclpy.callback_groups import CallbackGroup
from rclpy.impl.entity import Waitable, Work
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


class UnsupportedEventTypeError(RuntimeError):
    """A callback was given for an event that the transport does not have."""


@dataclass(frozen=True)
class QoSIncompatibleInfo:
    """What an incompatible peer was refused for."""

    total_count: int
    total_count_change: int
    last_policy_kind: QoSPolicyKind


QoSRequestedIncompatibleQoSInfo = QoSOfferedIncompatibleQoSInfo = QoSIncompatibleInfo


class _EventCallbacks:
    """What both kinds of callbacks share."""

    _STATUS: dict[str, tuple[int, str]]

    def __init__(self, callbacks: dict[str, EventCallback | None], use_default_callbacks: bool) -> None:
        self.use_default_callbacks = use_default_callbacks
        self._callbacks = callbacks
        for name, callback in callbacks.items():
            setattr(self, name, callback)

    @property
    def wants_default_warning(self) -> bool:
        """Whether incompatible peers are to be warned about; that is done where the whole graph is seen."""
        return self.use_default_callbacks and self._callbacks["incompatible_qos"] is None

    def watch(self, endpoint: Entity, group: CallbackGroup) -> EventHandler | None:
        """The entity that an executor watches for these events; None where there is no callback.

        Raises:
            UnsupportedEventTypeError: Cyclone DDS does not report one of them.
        """
        given = {name: callback for name, callback in self._callbacks.items() if callback is not None}
        unknown = given.keys() - self._STATUS.keys()
        if unknown:
            raise UnsupportedEventTypeError(f"this transport has no event '{unknown.pop()}'; leave its callback out")
        return (
            EventHandler(endpoint, {self._STATUS[name]: call for name, call in given.items()}, group) if given else None
        )


class SubscriptionEventCallbacks(_EventCallbacks):
    """What to call at a subscription's events.

    Incompatible QoS is logged where no callback is given for it, unless `use_default_callbacks` is False; an
    incompatible type is logged always.
    """

    _STATUS = _SUBSCRIPTION_STATUS

    def __init__(
        self,
        *,
        deadline: EventCallback | None = None,
        incompatible_qos: EventCallback | None = None,
        liveliness: EventCallback | None = None,
        message_lost: EventCallback | None = None,
        incompatible_type: EventCallback | None = None,
        matched: EventCallback | None = None,
        use_default_callbacks: bool = True,
    ) -> None:
        callbacks = {
            "deadline": deadline,
            "incompatible_qos": incompatible_qos,
            "liveliness": liveliness,
            "message_lost": message_lost,
            "incompatible_type": incompatible_type,
            "matched": matched,
        }
        super().__init__(callbacks, use_default_callbacks)


class PublisherEventCallbacks(_EventCallbacks):
    """What to call at a publisher's events; the same holds as for subscriptions."""

    _STATUS = _PUBLISHER_STATUS

    def __init__(
        self,
        *,
        deadline: EventCallback | None = None,
        liveliness: EventCallback | None = None,
        incompatible_qos: EventCallback | None = None,
        incompatible_type: EventCallback | None = None,
        matched: EventCallback | None = None,
        use_default_callbacks: bool = True,
    ) -> None:
        callbacks = {
            "deadline": deadline,
            "incompatible_qos": incompatible_qos,
            "liveliness": liveliness,
            "incompatible_type": incompatible_type,
            "matched": matched,
        }
        super().__init__(callbacks, use_default_callbacks)


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
