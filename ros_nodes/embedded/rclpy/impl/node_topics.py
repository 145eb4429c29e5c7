"""Making and destroying a node's publishers and subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.impl import qos_best_available
from rclpy.impl.endpoints import TOPIC, Endpoint
from rclpy.impl.messages import Message
from rclpy.impl.node_entities import NodeEntityKeeper, checked
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, as_profile
from rclpy.qos_overriding_options import PUBLISHER, SUBSCRIPTION, QoSOverridingOptions, overridden
from rclpy.subscription import Subscription


class NodeTopics(NodeEntityKeeper):
    """Mixin of Node that makes publishers and subscriptions."""

    def create_publisher(
        self,
        msg_type: type[Message],
        topic: str,
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: PublisherEventCallbacks | None = None,
        qos_overriding_options: QoSOverridingOptions | None = None,
        publisher_class: type[Publisher] = Publisher,
    ) -> Any:
        """Make a publisher of messages of one type on a topic.

        Args:
            msg_type: message class.
            topic: name; relative names are below the namespace.
            qos_profile: a profile, or the depth of a reliable one.
            callback_group: group of the event callbacks.
            event_callbacks: what to call at events.
            qos_overriding_options: which policies parameters may override.
            publisher_class: class to make.

        Raises:
            TypeError: it is not a message class, or not a profile.
            UnsupportedEventTypeError: an event was asked for that the transport does not have.
            RuntimeError, InvalidQosOverridesError: the parameters override a policy with what it cannot be.
        """
        name, callbacks = self.resolve_topic_name(topic), event_callbacks or PublisherEventCallbacks()
        node: Any = self
        profile = overridden(node, PUBLISHER, name, as_profile(qos_profile), qos_overriding_options)
        if qos_best_available.is_open(profile):
            profile = qos_best_available.for_publisher(profile, _on_topic(self._graph.subscriptions(), name))
        publisher = publisher_class(node, checked(msg_type, "message"), name, profile)
        publisher.events = callbacks.watch(publisher.writer, callback_group or self._default_callback_group)
        publisher.topic = topic
        self._publishers.append(publisher)
        self._start_events(publisher, callbacks)
        self._announce(writers=[publisher.gid])
        return publisher

    def create_subscription(
        self,
        msg_type: type[Message],
        topic: str,
        callback: Callable[..., Any],
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: SubscriptionEventCallbacks | None = None,
        qos_overriding_options: QoSOverridingOptions | None = None,
        raw: bool = False,
    ) -> Subscription:
        """Subscribe to messages of one type on a topic.

        Args:
            msg_type: message class.
            topic: name; relative names are below the namespace.
            callback: called with the message, and with its info where it takes two arguments.
            qos_profile: a profile, or the depth of a reliable one.
            callback_group: group of the callback.
            event_callbacks: what to call at events.
            qos_overriding_options: which policies parameters may override.
            raw: give the callback serialized bytes.

        Raises:
            TypeError: it is not a message class, or not a profile.
            UnsupportedEventTypeError: an event was asked for that the transport does not have.
            RuntimeError, InvalidQosOverridesError: the parameters override a policy with what it cannot be.
        """
        group, kind = callback_group or self._default_callback_group, checked(msg_type, "message")
        name, callbacks = self.resolve_topic_name(topic), event_callbacks or SubscriptionEventCallbacks()
        node: Any = self
        profile = overridden(node, SUBSCRIPTION, name, as_profile(qos_profile), qos_overriding_options)
        if qos_best_available.is_open(profile):
            profile = qos_best_available.for_subscription(profile, _on_topic(self._graph.publications(), name))
        subscription = Subscription(node, kind, name, callback, profile, group, raw)
        subscription.topic = topic
        subscription.events = callbacks.watch(subscription.reader, group)
        self._start_events(subscription, callbacks)
        self._announce(readers=[subscription.gid])
        return self._add(subscription)

    def _start_events(self, entity: Any, callbacks: Any) -> None:
        if not callbacks.wants_default_warning:
            self._graph_entry.quiet.add(entity.gid)
        if entity.events is not None:
            self._add(entity.events)

    def destroy_publisher(self, publisher: Publisher) -> bool:
        """Stop publishing; False where it is not this node's."""
        if publisher not in self._publishers:
            return False
        self._publishers.remove(publisher)
        self._drop(publisher.events)
        self._announce(writers=[publisher.gid], gone=True)
        publisher.destroy()
        return True

    def destroy_subscription(self, subscription: Subscription) -> bool:
        """Stop receiving; False where it is not this node's."""
        if subscription not in self._waitables:
            return False
        self._drop(subscription.events)
        self._announce([subscription.gid], gone=True)
        return self._drop(subscription)


def _on_topic(endpoints: Mapping[bytes, Endpoint], name: str) -> Iterator[QoSProfile]:
    return (endpoint.profile for endpoint in endpoints.values() if endpoint.ros_name(TOPIC) == name)
