"""The services by which lifecycle managers and `ros2 lifecycle` steer a node."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lifecycle_msgs.msg import State, Transition, TransitionDescription
from lifecycle_msgs.srv import ChangeState, GetAvailableStates, GetAvailableTransitions, GetState

from rclpy.callback_groups import CallbackGroup
from rclpy.impl.lifecycle_machine import EDGES, STATES, Edge, IllegalTransition, LifecycleMachine
from rclpy.impl.lifecycle_machine import TransitionCallbackReturn as Answer

ChangeFunction = Callable[[int | str], Answer]


def _described(edges: Iterable[Edge]) -> list[TransitionDescription]:
    return [
        TransitionDescription(
            transition=Transition(id=edge.transition_id, label=edge.label),
            start_state=State(id=edge.start, label=STATES[edge.start]),
            goal_state=State(id=edge.goal, label=STATES[edge.goal]),
        )
        for edge in edges
    ]


def offer_services(node: Any, machine: LifecycleMachine, change: ChangeFunction, group: CallbackGroup | None) -> None:
    """Offer the five lifecycle services of a node.

    Args:
        node: the node.
        machine: its state machine.
        change: performs a transition by id or label.
        group: callback group of the services.
    """

    def change_state(request: Any, response: Any) -> Any:
        try:
            response.success = change(request.transition.label or request.transition.id) is Answer.SUCCESS
        except IllegalTransition as error:
            node.get_logger().error(str(error))
            response.success = False
        return response

    def get_state(request: Any, response: Any) -> Any:
        response.current_state = State(id=machine.state, label=machine.label)
        return response

    def get_states(request: Any, response: Any) -> Any:
        response.available_states = [State(id=number, label=label) for number, label in STATES.items()]
        return response

    def get_transitions(request: Any, response: Any) -> Any:
        response.available_transitions = _described(machine.available())
        return response

    def get_graph(request: Any, response: Any) -> Any:
        response.available_transitions = _described(EDGES)
        return response

    for service, name, callback in (
        (ChangeState, "change_state", change_state),
        (GetState, "get_state", get_state),
        (GetAvailableStates, "get_available_states", get_states),
        (GetAvailableTransitions, "get_available_transitions", get_transitions),
        (GetAvailableTransitions, "get_transition_graph", get_graph),
    ):
        node.create_service(service, f"~/{name}", callback, callback_group=group)
