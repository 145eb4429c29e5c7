"""What a node has: keeping and announcing it, and making services, clients, timers and guards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from rclpy.callback_groups import CallbackGroup, ReentrantCallbackGroup
from rclpy.client import Client
from rclpy.clock import Clock, ROSClock
from rclpy.context import Context
from rclpy.guard_condition import GuardCondition
from rclpy.impl.entity import Waitable
from rclpy.impl.graph import Graph
from rclpy.impl.graph_nodes import NodeEntities
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, qos_profile_services_default
from rclpy.service import Service
from rclpy.timer import Rate, Timer

EntityType = TypeVar("EntityType", bound=Waitable)


class NodeEntityKeeper:
    """Mixin of Node that has the executor watch its entities and announces them in the graph."""

    _context: Context
    _clock: ROSClock
    _graph: Graph
    _graph_entry: NodeEntities
    _executor: Any
    _default_callback_group: CallbackGroup

    def _init_entities(self) -> None:
        self._publishers: list[Publisher] = []
        self._waitables: list[Waitable] = []
        self._rate_group = ReentrantCallbackGroup()

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
                if gone:
                    entry.quiet.discard(identity)
        self._graph.announce()

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
        service = self._add(Service(node, checked(srv_type, "service"), name, callback, group, qos_profile))
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
        client = self._add(Client(node, checked(srv_type, "service"), name, group, qos_profile))
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

    def create_rate(self, frequency: float, clock: Clock | None = None) -> Rate:
        """Make something to sleep with `frequency` times a second, on the node's ROS-time clock where none is given.

        Raises:
            ValueError: the frequency is not positive.
        """
        if frequency <= 0:
            raise ValueError(f"frequency must be > 0; got {frequency}")
        timer = self.create_timer(1.0 / frequency, lambda: None, self._rate_group, clock)
        return Rate(timer, context=self._context)

    def _wake(self) -> None:
        if self._executor is not None:
            self._executor.wake()

    def create_guard_condition(
        self, callback: Callable[[], Any], callback_group: CallbackGroup | None = None
    ) -> GuardCondition:
        """Make a guard condition that runs a callback when a thread triggers it."""
        return self._add(GuardCondition(callback, callback_group or self._default_callback_group, self._context))

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

    def destroy_rate(self, rate: Rate) -> bool:
        """Wake who sleeps with a rate; False where it is not this node's."""
        is_ours = self.destroy_timer(rate.timer)
        rate.destroy()
        return is_ours

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


def checked(interface: Any, kind: str) -> Any:
    """Raise TypeError unless the class is a message or a service."""
    is_service = hasattr(interface, "Request") and hasattr(interface, "Response")
    if not hasattr(interface, "TYPE_NAME") or is_service != (kind == "service"):
        raise TypeError(f"expected a {kind} class such as those of std_msgs; got {interface!r}")
    return interface
