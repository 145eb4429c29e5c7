"""The state machine of managed nodes (https://design.ros2.org/articles/node_lifecycle.html)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from lifecycle_msgs.msg import State, Transition


class TransitionCallbackReturn(Enum):
    """What a transition callback says."""

    SUCCESS = Transition.TRANSITION_CALLBACK_SUCCESS
    FAILURE = Transition.TRANSITION_CALLBACK_FAILURE
    ERROR = Transition.TRANSITION_CALLBACK_ERROR

    def to_label(self) -> str:
        """The label of the transition that follows."""
        return f"transition_{self.name.lower()}"


STATES = {
    State.PRIMARY_STATE_UNKNOWN: "unknown",
    State.PRIMARY_STATE_UNCONFIGURED: "unconfigured",
    State.PRIMARY_STATE_INACTIVE: "inactive",
    State.PRIMARY_STATE_ACTIVE: "active",
    State.PRIMARY_STATE_FINALIZED: "finalized",
    State.TRANSITION_STATE_CONFIGURING: "configuring",
    State.TRANSITION_STATE_CLEANINGUP: "cleaningup",
    State.TRANSITION_STATE_SHUTTINGDOWN: "shuttingdown",
    State.TRANSITION_STATE_ACTIVATING: "activating",
    State.TRANSITION_STATE_DEACTIVATING: "deactivating",
    State.TRANSITION_STATE_ERRORPROCESSING: "errorprocessing",
}


@dataclass(frozen=True)
class Edge:
    """A transition from one state to another."""

    transition_id: int
    label: str
    start: int
    goal: int


def _edges() -> Iterator[Edge]:
    unconfigured, inactive = State.PRIMARY_STATE_UNCONFIGURED, State.PRIMARY_STATE_INACTIVE
    active, finalized = State.PRIMARY_STATE_ACTIVE, State.PRIMARY_STATE_FINALIZED
    error = State.TRANSITION_STATE_ERRORPROCESSING
    shutting = State.TRANSITION_STATE_SHUTTINGDOWN
    steps = (
        ("configure", "CONFIGURE", unconfigured, State.TRANSITION_STATE_CONFIGURING, inactive, unconfigured),
        ("cleanup", "CLEANUP", inactive, State.TRANSITION_STATE_CLEANINGUP, unconfigured, inactive),
        ("activate", "ACTIVATE", inactive, State.TRANSITION_STATE_ACTIVATING, active, inactive),
        ("deactivate", "DEACTIVATE", active, State.TRANSITION_STATE_DEACTIVATING, inactive, active),
    )
    for label, constant, start, between, success, failure in steps:
        yield Edge(getattr(Transition, f"TRANSITION_{constant}"), label, start, between)
        prefix = f"TRANSITION_ON_{constant}_"
        yield Edge(getattr(Transition, prefix + "SUCCESS"), "transition_success", between, success)
        yield Edge(getattr(Transition, prefix + "FAILURE"), "transition_failure", between, failure)
        yield Edge(getattr(Transition, prefix + "ERROR"), "transition_error", between, error)
    for constant, start in (("UNCONFIGURED", unconfigured), ("INACTIVE", inactive), ("ACTIVE", active)):
        yield Edge(getattr(Transition, f"TRANSITION_{constant}_SHUTDOWN"), "shutdown", start, shutting)
    yield Edge(Transition.TRANSITION_ON_SHUTDOWN_SUCCESS, "transition_success", shutting, finalized)
    yield Edge(Transition.TRANSITION_ON_SHUTDOWN_FAILURE, "transition_failure", shutting, finalized)
    yield Edge(Transition.TRANSITION_ON_SHUTDOWN_ERROR, "transition_error", shutting, error)
    yield Edge(Transition.TRANSITION_ON_ERROR_SUCCESS, "transition_success", error, unconfigured)
    yield Edge(Transition.TRANSITION_ON_ERROR_FAILURE, "transition_failure", error, finalized)
    yield Edge(Transition.TRANSITION_ON_ERROR_ERROR, "transition_error", error, finalized)


EDGES = tuple(_edges())


class IllegalTransition(RuntimeError):
    """The transition does not start in the current state."""


class LifecycleMachine:
    """The current state and the transitions between states.

    Args:
        changed: called with each edge that was taken.
    """

    def __init__(self, changed: Callable[[Edge], None]) -> None:
        self.state = int(State.PRIMARY_STATE_UNCONFIGURED)
        self._changed = changed

    @property
    def label(self) -> str:
        """The current state's name."""
        return STATES[self.state]

    def available(self) -> list[Edge]:
        """The transitions that start in the current state."""
        return [edge for edge in EDGES if edge.start == self.state]

    def take(self, key: int | str) -> Edge:
        """Take a transition by id or label.

        Raises:
            IllegalTransition: it does not start in the current state.
        """
        for edge in self.available():
            if key in (edge.transition_id, edge.label):
                self.state = edge.goal
                self._changed(edge)
                return edge
        choices = ", ".join(edge.label for edge in self.available()) or "none"
        raise IllegalTransition(f"transition {key!r} does not start in state '{self.label}'; available: {choices}")
