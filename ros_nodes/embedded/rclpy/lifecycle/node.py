"""Managed nodes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from lifecycle_msgs.msg import State, Transition, TransitionEvent

from rclpy.callback_groups import CallbackGroup
from rclpy.impl.lifecycle_machine import (
    STATES,
    Edge,
    LifecycleMachine,
    TransitionCallbackReturn,
)
from rclpy.lifecycle.managed_entity import ManagedEntity
from rclpy.lifecycle.publisher import LifecyclePublisher
from rclpy.lifecycle.services import offer_services
from rclpy.node import Node


class LifecycleState(NamedTuple):
    """A state as callbacks get it."""

    label: str
    state_id: int


class LifecycleNodeMixin(ManagedEntity):
    """What makes a Node a managed one; used together with Node.

    Args:
        enable_communication_interface: whether to offer the lifecycle services and the transition events.
        callback_group: group of the services.
    """

    def __init__(
        self, *, enable_communication_interface: bool = True, callback_group: CallbackGroup | None = None
    ) -> None:
        self._managed_entities: set[ManagedEntity] = set()
        self._changing = threading.RLock()
        self._machine = LifecycleMachine(self._on_edge)
        self._events: Any = None
        if enable_communication_interface:
            node: Any = self
            self._events = Node.create_publisher(node, TransitionEvent, "~/transition_event", 10)
            offer_services(node, self._machine, self._change_state, callback_group)

    def trigger_configure(self) -> TransitionCallbackReturn:
        """Configure the node."""
        return self._change_state(Transition.TRANSITION_CONFIGURE)

    def trigger_cleanup(self) -> TransitionCallbackReturn:
        """Undo the configuration."""
        return self._change_state(Transition.TRANSITION_CLEANUP)

    def trigger_activate(self) -> TransitionCallbackReturn:
        """Activate the node."""
        return self._change_state(Transition.TRANSITION_ACTIVATE)

    def trigger_deactivate(self) -> TransitionCallbackReturn:
        """Deactivate the node."""
        return self._change_state(Transition.TRANSITION_DEACTIVATE)

    def trigger_shutdown(self) -> TransitionCallbackReturn | None:
        """Shut the node down, from any primary state but finalized; None where it cannot be shut down now."""
        if all(edge.label != "shutdown" for edge in self._machine.available()):
            return None
        return self._change_state("shutdown")

    def add_managed_entity(self, entity: ManagedEntity) -> None:
        """Let an entity follow this node's transitions."""
        self._managed_entities.add(entity)

    def create_lifecycle_publisher(self, *args: Any, **kwargs: Any) -> LifecyclePublisher:
        """Make a publisher that is silent unless the node is active; arguments as `create_publisher`.

        Raises:
            TypeError: `publisher_class` was given; it is always LifecyclePublisher here.
        """
        if "publisher_class" in kwargs:
            raise TypeError("create_publisher() got an unexpected keyword argument 'publisher_class'")
        node: Any = self
        publisher = Node.create_publisher(node, *args, **kwargs, publisher_class=LifecyclePublisher)
        self._managed_entities.add(publisher)
        return publisher

    def destroy_lifecycle_publisher(self, publisher: LifecyclePublisher) -> bool:
        """Stop publishing."""
        self._managed_entities.discard(publisher)
        node: Any = self
        return Node.destroy_publisher(node, publisher)

    def _pass_on(self, callback_name: str, state: LifecycleState) -> TransitionCallbackReturn:
        for entity in list(self._managed_entities):
            answer = getattr(entity, callback_name)(state)
            if answer is not TransitionCallbackReturn.SUCCESS:
                return answer
        return TransitionCallbackReturn.SUCCESS

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Called when the node is configured; passes it on to the managed entities."""
        return self._pass_on("on_configure", state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Called when the node is cleaned up; passes it on to the managed entities."""
        return self._pass_on("on_cleanup", state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Called when the node shuts down; passes it on to the managed entities."""
        return self._pass_on("on_shutdown", state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Called when the node is activated; passes it on to the managed entities."""
        return self._pass_on("on_activate", state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Called when the node is deactivated; passes it on to the managed entities."""
        return self._pass_on("on_deactivate", state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Called after a transition failed with an error; passes it on to the managed entities."""
        return self._pass_on("on_error", state)

    def _on_edge(self, edge: Edge) -> None:
        if self._events is not None:
            event = TransitionEvent(
                transition=Transition(id=edge.transition_id, label=edge.label),
                start_state=State(id=edge.start, label=STATES[edge.start]),
                goal_state=State(id=edge.goal, label=STATES[edge.goal]),
            )
            self._events.publish(event)

    def _run_callback(self, previous: LifecycleState) -> TransitionCallbackReturn:
        callbacks: dict[int, Callable[[LifecycleState], TransitionCallbackReturn]] = {
            State.TRANSITION_STATE_CONFIGURING: self.on_configure,
            State.TRANSITION_STATE_CLEANINGUP: self.on_cleanup,
            State.TRANSITION_STATE_SHUTTINGDOWN: self.on_shutdown,
            State.TRANSITION_STATE_ACTIVATING: self.on_activate,
            State.TRANSITION_STATE_DEACTIVATING: self.on_deactivate,
            State.TRANSITION_STATE_ERRORPROCESSING: self.on_error,
        }
        callback = callbacks[self._machine.state]
        node: Any = self
        try:
            answer = callback(previous)
        except Exception as error:
            node.get_logger().error(f"{callback.__name__} raised {type(error).__name__}: {error}")
            return TransitionCallbackReturn.ERROR
        if not isinstance(answer, TransitionCallbackReturn):
            node.get_logger().error(
                f"{callback.__name__} returned {answer!r}; it must return a TransitionCallbackReturn"
            )
            return TransitionCallbackReturn.ERROR
        return answer

    def _change_state(self, transition: int | str) -> TransitionCallbackReturn:
        """Performs one transition after the other: a service's and the process's own may come at the same time."""
        with self._changing:
            return self._transit(transition)

    def _transit(self, transition: int | str) -> TransitionCallbackReturn:
        previous = LifecycleState(self._machine.label, self._machine.state)
        self._machine.take(transition)
        answer = self._run_callback(previous)
        self._machine.take(answer.to_label())
        if answer is TransitionCallbackReturn.ERROR:
            self._machine.take(self._run_callback(previous).to_label())
        return answer


class LifecycleNode(LifecycleNodeMixin, Node):
    """A node with the states unconfigured, inactive, active and finalized; arguments as Node's."""

    def __init__(self, node_name: str, *, enable_communication_interface: bool = True, **kwargs: Any) -> None:
        Node.__init__(self, node_name, **kwargs)
        LifecycleNodeMixin.__init__(self, enable_communication_interface=enable_communication_interface)
