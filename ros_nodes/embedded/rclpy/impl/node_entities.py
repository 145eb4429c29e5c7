"""Making and destroying what a node has: publishers, subscriptions, services, clients, timers and guards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from rclpy.callback_groups import CallbackGroup
from rclpy.client import Client
from rclpy.clock import Clock, ROSClock
from rclpy.context import Context
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.guard_condition import GuardCondition
from rclpy.impl.entity import Waitable
from rclpy.impl.graph import Graph, NodeEntities
from rclpy.impl.messages import Message
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, as_profile, qos_profile_services_default
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Timer

EntityType = TypeVar("EntityType", bound=Waitable)


class NodeEntityFactory:
    """Mixin of Node that makes entities, has the executor watch them, and announces them in the graph."""

    _context: Context
    _clock: ROSClock
    _graph: Graph
    _graph_entry: NodeEntities
    _executor: Any
    _default_callback_group: CallbackGroup

    def _init_entities(self) -> None:
        self._publishers: list[Publisher] = []
        self._waitables: list[Waitable] = []

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """The full name of a topic after remapping."""
        raise NotImplementedError

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        """The full name of a service after remapping."""
        raise NotImplementedError

    def add_waitable(self, waitable: Waitable) -> None:
        """Have the executor wait for something."""
        self._add(waitable)

    def remove_waitable(self, waitable: Waitable) -> None:
        """Stop waiting for something."""
        self._waitables.remove(waitable)
        if self._executor is not None:
            self._executor.forget(waitable)

    def _add(self, entity: EntityType) -> EntityType:
        self._waitables.append(entity)
        if self._executor is not None:
            self._executor.watch(entity)
        return entity

    def _drop(self, entity: Waitable | None) -> bool:
        if entity is None or entity not in self._waitables:
            return False
        self.remove_waitable(entity)
        entity.release()
        return True

    def _announce(self, readers: Iterable[bytes] = (), writers: Iterable[bytes] = (), *, gone: bool = False) -> None:
        entry = self._graph_entry
        for identities, known in ((readers, entry.readers), (writers, entry.writers)):
            for identity in identities:
                known.remove(identity) if gone else known.append(identity)
                entry.quiet.discard(identity)
        self._graph.announce()

    def create_publisher(
        self,
        msg_type: type[Message],
        topic: str,
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: PublisherEventCallbacks | None = None,
        qos_overriding_options: Any = None,
        publisher_class: type[Publisher] = Publisher,
    ) -> Any:
        """Make a publisher of messages of one type on a topic.

        Args:
            msg_type: message class.
            topic: name; relative names are below the namespace.
            qos_profile: a profile, or the depth of a reliable one.
            callback_group: group of the event callbacks.
            event_callbacks: what to call at events.
            qos_overriding_options: accepted for rclpy's sake.
            publisher_class: class to make.

        Raises:
            TypeError: it is not a message class, or not a profile.
            UnsupportedEventTypeError: an event was asked for that the transport does not have.
        """
        name, callbacks = self.resolve_topic_name(topic), event_callbacks or PublisherEventCallbacks()
        node: Any = self
        publisher = publisher_class(node, _checked(msg_type, "message"), name, as_profile(qos_profile))
        publisher.events = callbacks.watch(publisher.writer, callback_group or self._default_callback_group)
        self._publishers.append(publisher)
        self._announce(writers=[publisher.gid])
        self._start_events(publisher, callbacks)
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
        qos_overriding_options: Any = None,
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
            qos_overriding_options: accepted for rclpy's sake.
            raw: give the callback serialized bytes.

        Raises:
            TypeError: it is not a message class, or not a profile.
            UnsupportedEventTypeError: an event was asked for that the transport does not have.
        """
        group, kind = callback_group or self._default_callback_group, _checked(msg_type, "message")
        name, callbacks = self.resolve_topic_name(topic), event_callbacks or SubscriptionEventCallbacks()
        node: Any = self
        subscription = Subscription(node, kind, name, callback, as_profile(qos_profile), group, raw)
        subscription.events = callbacks.watch(subscription.reader, group)
        self._announce(readers=[subscription.gid])
        self._start_events(subscription, callbacks)
        return self._add(subscription)

    def _start_events(self, entity: Any, callbacks: Any) -> None:
        if not callbacks.wants_default_warning:
            self._graph_entry.quiet.add(entity.gid)
        if entity.events is not None:
            self._add(entity.events)

    def create_service(
        self,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> Service:
        """Offer a service; the callback gets request and response and returns the response."""
        group, name = callback_group or self._default_callback_group, self.resolve_service_name(srv_name)
        node: Any = self
        service = self._add(Service(node, _checked(srv_type, "service"), name, callback, group, qos_profile))
        self._announce([service.pair.gids[0]], [service.pair.gids[1]])
        return service

    def create_client(
        self,
        srv_type: Any,
        srv_name: str,
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> Client:
        """Make a client of a service."""
        group, name = callback_group or self._default_callback_group, self.resolve_service_name(srv_name)
        node: Any = self
        client = self._add(Client(node, _checked(srv_type, "service"), name, group, qos_profile))
        self._announce([client.pair.gids[0]], [client.pair.gids[1]])
        return client

    def create_timer(
        self,
        timer_period_sec: float,
        callback: Callable[[], Any],
        callback_group: CallbackGroup | None = None,
        clock: Clock | None = None,
        autostart: bool = True,
    ) -> Timer:
        """Call back periodically, on the node's ROS-time clock where no other is given."""
        group, period_ns = callback_group or self._default_callback_group, int(float(timer_period_sec) * 1e9)
        return self._add(Timer(callback, group, period_ns, clock or self._clock, self._wake, autostart=autostart))

    def _wake(self) -> None:
        if self._executor is not None:
            self._executor.wake()

    def create_guard_condition(
        self, callback: Callable[[], Any], callback_group: CallbackGroup | None = None
    ) -> GuardCondition:
        """Make a guard condition that runs a callback when a thread triggers it."""
        return self._add(GuardCondition(callback, callback_group or self._default_callback_group, self._context))

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

    def _destroy_pair(self, entity: Service | Client) -> bool:
        if entity not in self._waitables:
            return False
        reader, writer = entity.pair.gids
        self._announce([reader], [writer], gone=True)
        return self._drop(entity)

    def destroy_service(self, service: Service) -> bool:
        """Stop answering; False where it is not this node's."""
        return self._destroy_pair(service)

    def destroy_client(self, client: Client) -> bool:
        """Stop asking; False where it is not this node's."""
        return self._destroy_pair(client)

    def destroy_timer(self, timer: Timer) -> bool:
        """Stop calling back; False where it is not this node's."""
        return self._drop(timer)

    def destroy_guard_condition(self, guard: GuardCondition) -> bool:
        """Stop calling back; False where it is not this node's."""
        return self._drop(guard)

    def _destroy_entities(self) -> None:
        for publisher in list(self._publishers):
            publisher.destroy()
        self._publishers.clear()
        for entity in list(self._waitables):
            entity.release()
        self._waitables.clear()


def _checked(interface: Any, kind: str) -> Any:
    """Raise TypeError unless the class is a message or a service."""
    is_service = hasattr(interface, "Request") and hasattr(interface, "Response")
    if not hasattr(interface, "TYPE_NAME") or is_service != (kind == "service"):
        raise TypeError(f"expected a {kind} class such as those of std_msgs; got {interface!r}")
    return interface
