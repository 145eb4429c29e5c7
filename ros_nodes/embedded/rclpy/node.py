"""Nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from rclpy.client import Client
from rclpy.clock import Clock, ROSClock
from rclpy.clock_type import ClockType
from rclpy.context import Context
from rclpy.event_handler import EventHandler, PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.guard_condition import GuardCondition
from rclpy.impl.arguments import parse
from rclpy.impl.entity import Waitable
from rclpy.impl.graph import NodeEntities
from rclpy.impl.logger import RcutilsLogger
from rclpy.impl.messages import Message
from rclpy.impl.names import check_namespace, check_node_name, expand, remap
from rclpy.impl.node_graph import NodeGraph
from rclpy.impl.node_parameters import NodeParameters
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, as_profile, qos_profile_services_default
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.time_source import TimeSource
from rclpy.timer import Timer
from rclpy.utilities import get_default_context

EntityType = TypeVar("EntityType", bound=Waitable)


class Node(NodeParameters, NodeGraph):
    """A participant of the ROS graph, with publishers, subscriptions, services, clients, timers and parameters.

    Args:
        node_name: its name; `__node:=` on the command line wins.
        context: the context; by default the default one.
        cli_args: arguments of this node alone, with or without a leading `--ros-args`.
        namespace: its namespace; `__ns:=` on the command line wins.
        use_global_arguments: whether the arguments of `rclpy.init` hold for it.
        parameter_overrides: values that win over the command line.
        allow_undeclared_parameters: whether parameters may be set without being declared.
        automatically_declare_parameters_from_overrides: whether given values declare parameters.

    Raises:
        NotInitializedException: rclpy.init() was not called.
        InvalidNodeNameException, InvalidNamespaceException: the name breaks ROS 2's rules.
    """

    def __init__(
        self,
        node_name: str,
        *,
        context: Context | None = None,
        cli_args: Sequence[str] | None = None,
        namespace: str | None = None,
        use_global_arguments: bool = True,
        enable_rosout: bool = True,
        start_parameter_services: bool = True,
        parameter_overrides: Sequence[Parameter] | None = None,
        allow_undeclared_parameters: bool = False,
        automatically_declare_parameters_from_overrides: bool = False,
    ) -> None:
        self._context = context or get_default_context()
        self._publishers: list[Publisher] = []
        self._waitables: list[Waitable] = []
        self._executor: Any = None
        self._arguments = self._collect_arguments(cli_args, use_global_arguments)
        self._name_self(node_name, namespace or "")
        self._default_callback_group = MutuallyExclusiveCallbackGroup()
        self._logger = RcutilsLogger(self.get_fully_qualified_name().strip("/").replace("/", "."))
        self._graph_entry = NodeEntities(self._name, self._namespace)
        self._graph = self._context.graph
        self._graph.add_node(self._graph_entry)
        overrides: dict[str, Any] = {}
        for arguments in self._arguments:
            overrides |= arguments.overrides(self._name, self._namespace)
        overrides |= {parameter.name: parameter.value for parameter in parameter_overrides or ()}
        self._init_parameters(overrides, allow_undeclared_parameters, automatically_declare_parameters_from_overrides)
        self._clock = ROSClock()
        self._time_source = TimeSource(self, self._clock)

    def _collect_arguments(self, cli_args: Sequence[str] | None, use_global: bool) -> list[Any]:
        own = list(cli_args or ())
        if own and "--ros-args" not in own:
            own.insert(0, "--ros-args")
        found = [self._context.arguments] if use_global else []
        return [*found, parse(own)[0]] if own else found

    def _name_self(self, node_name: str, namespace: str) -> None:
        check_node_name(node_name)
        name, absolute = node_name, namespace if namespace.startswith("/") else "/" + namespace
        for arguments in self._arguments:
            name, absolute = arguments.node_name(name), arguments.namespace(node_name, absolute)
        check_node_name(name)
        self._name = name
        self._namespace = absolute if absolute == "/" else absolute.rstrip("/")
        check_namespace(self._namespace)

    @property
    def context(self) -> Context:
        """The context that the node lives in."""
        return self._context

    @property
    def executor(self) -> Any:
        """The executor that runs the node's callbacks, or None."""
        return self._executor

    @executor.setter
    def executor(self, executor: Any) -> None:
        if self._executor is not None and self._executor is not executor:
            self._executor.remove_node(self)
        self._executor = executor

    @property
    def waitables(self) -> list[Waitable]:
        """Everything that an executor waits for."""
        return list(self._waitables)

    @property
    def default_callback_group(self) -> CallbackGroup:
        """The group of entities that were given none."""
        return self._default_callback_group

    def _of_kind(self, kind: type) -> list[Any]:
        return [entity for entity in self._waitables if isinstance(entity, kind)]

    @property
    def publishers(self) -> Iterable[Publisher]:
        """The node's publishers."""
        return list(self._publishers)

    @property
    def subscriptions(self) -> Iterable[Subscription]:
        """The node's subscriptions."""
        return self._of_kind(Subscription)

    @property
    def services(self) -> Iterable[Service]:
        """The node's services."""
        return self._of_kind(Service)

    @property
    def clients(self) -> Iterable[Client]:
        """The node's clients."""
        return self._of_kind(Client)

    @property
    def timers(self) -> Iterable[Timer]:
        """The node's timers."""
        return self._of_kind(Timer)

    def get_name(self) -> str:
        """The name."""
        return self._name

    def get_namespace(self) -> str:
        """The namespace, absolute."""
        return self._namespace

    def get_fully_qualified_name(self) -> str:
        """Namespace and name."""
        return f"{self._namespace.rstrip('/')}/{self._name}"

    def get_logger(self) -> RcutilsLogger:
        """The node's logger."""
        return self._logger

    def get_clock(self) -> Clock:
        """The node's ROS-time clock."""
        return self._clock

    def _resolve(self, name: str, only_expand: bool, is_service: bool) -> str:
        full = expand(name, self._name, self._namespace, is_service)
        if only_expand:
            return full
        for arguments in reversed(self._arguments):
            renamed = remap(full, arguments.name_rules(self._name), self._name, self._namespace)
            if renamed != full:
                return renamed
        return full

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """The full name of a topic after remapping."""
        return self._resolve(topic, only_expand, False)

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        """The full name of a service after remapping."""
        return self._resolve(service, only_expand, True)

    def _add(self, entity: EntityType) -> EntityType:
        self._waitables.append(entity)
        if self._executor is not None:
            self._executor.watch(entity)
        return entity

    def _drop(self, entity: Waitable) -> bool:
        if entity not in self._waitables:
            return False
        self._waitables.remove(entity)
        if self._executor is not None:
            self._executor.forget(entity)
        entity.release()
        return True

    def _announce(self, readers: Iterable[bytes] = (), writers: Iterable[bytes] = (), *, gone: bool = False) -> None:
        entry = self._graph_entry
        for identities, known in ((readers, entry.readers), (writers, entry.writers)):
            for identity in identities:
                known.remove(identity) if gone else known.append(identity)
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
        """
        name = self.resolve_topic_name(topic)
        publisher = publisher_class(self, _checked(msg_type, "message"), name, as_profile(qos_profile))
        self._publishers.append(publisher)
        group = callback_group or self._default_callback_group
        callbacks = event_callbacks or PublisherEventCallbacks()
        publisher.events = self._add(callbacks.watch(publisher._writer, name, self._logger, group))
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
        """
        group = callback_group or self._default_callback_group
        name = self.resolve_topic_name(topic)
        subscription = Subscription(
            self, _checked(msg_type, "message"), name, callback, as_profile(qos_profile), group, raw
        )
        callbacks = event_callbacks or SubscriptionEventCallbacks()
        subscription.events = self._add(callbacks.watch(subscription.reader, name, self._logger, group))
        self._add(subscription)
        self._announce(readers=[subscription.gid])
        return subscription

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
        group = callback_group or self._default_callback_group
        name = self.resolve_service_name(srv_name)
        service = self._add(Service(self, _checked(srv_type, "service"), name, callback, group, qos_profile))
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
        group = callback_group or self._default_callback_group
        name = self.resolve_service_name(srv_name)
        client = self._add(Client(self, _checked(srv_type, "service"), name, group, qos_profile))
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
        group = callback_group or self._default_callback_group
        period_ns = int(float(timer_period_sec) * 1e9)
        return self._add(
            Timer(callback, group, period_ns, clock or self._timer_clock(), self._wake, autostart=autostart)
        )

    def _timer_clock(self) -> Clock:
        return self._clock

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

    def destroy_node(self) -> None:
        """Let go of everything that the node has."""
        if self._executor is not None:
            self._executor.remove_node(self)
        for publisher in list(self._publishers):
            publisher.destroy()
        self._publishers.clear()
        for entity in self.waitables:
            entity.release()
        self._waitables.clear()
        self._graph.remove_node(self._graph_entry)


def _checked(interface: Any, kind: str) -> Any:
    """Raise TypeError unless the class is a message or a service."""
    is_service = hasattr(interface, "Request") and hasattr(interface, "Response")
    if not hasattr(interface, "TYPE_NAME") or is_service != (kind == "service"):
        raise TypeError(f"expected a {kind} class such as those of std_msgs; got {interface!r}")
    return interface


__all__ = ["ClockType", "EventHandler", "Node"]
