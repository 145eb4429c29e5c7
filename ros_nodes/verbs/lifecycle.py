"""`robot-wm lifecycle`: states of managed nodes, and changing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import tyro
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetAvailableTransitions, GetState
from tyro.conf import Positional

from robot_wm.errors import RobotWmError
from ros_nodes.verbs.graph import find_node
from ros_nodes.verbs.session import DISCOVERY_S, Session, run_verb

TRANSITION_S = 60.0
"""A transition may load a model."""


@dataclass(frozen=True)
class Get:
    """Shows the state of one managed node or of all.

    Attributes:
        node_name: The node; all managed ones where it is left out.
    """

    node_name: Positional[str | None] = None


@dataclass(frozen=True)
class Set:
    """Has a managed node change its state.

    Attributes:
        node_name: The node.
        transition: Label or number: configure, activate, deactivate, cleanup, shutdown.
    """

    node_name: Positional[str]
    transition: Positional[str]


@dataclass(frozen=True)
class List:
    """Lists the transitions that a managed node can make now.

    Attributes:
        node_name: The node.
        all: All that there are.
    """

    node_name: Positional[str]
    all: Annotated[bool, tyro.conf.arg(aliases=["-a"])] = False


def run(config: Get | Set | List) -> int:
    """Runs one of the verbs; returns the exit code."""
    return run_verb(config, {Get: get, Set: set_state, List: list_transitions})


def _ask(session: Session, node: str, service: Any, name: str, timeout_s: float = DISCOVERY_S, **request: Any) -> Any:
    full = find_node(session, node)
    client = session.node.create_client(service, f"{full}/{name}")
    if not session.until(client.service_is_ready, DISCOVERY_S):
        raise RobotWmError(f"node '{full}' is no managed node: it has no service {name}")
    return session.answer(client, service.Request(**request), timeout_s)


def get(session: Session, config: Get) -> int:
    """Prints label and number of states."""
    if config.node_name is not None:
        print(_state(session, config.node_name))
        return 0
    session.settle()
    for name, types in session.node.get_service_names_and_types():
        if name.endswith("/get_state") and "lifecycle_msgs/srv/GetState" in types:
            node = name.removesuffix("/get_state")
            print(f"{node}: {_state(session, node)}")
    return 0


def _state(session: Session, node: str) -> str:
    state = _ask(session, node, GetState, "get_state").current_state
    return f"{state.label} [{state.id}]"


def set_state(session: Session, config: Set) -> int:
    """Makes a transition."""
    found = _ask(session, config.node_name, GetAvailableTransitions, "get_available_transitions")
    available = [description.transition for description in found.available_transitions]
    chosen = next((one for one in available if config.transition in (one.label, str(one.id))), None)
    if chosen is None:
        known = ", ".join(f"{one.label} [{one.id}]" for one in available) or "none"
        raise RobotWmError(f"Unknown transition requested: '{config.transition}'; available ones are: {known}")
    transition = Transition(id=chosen.id, label=chosen.label)
    answer = _ask(session, config.node_name, ChangeState, "change_state", TRANSITION_S, transition=transition)
    if not answer.success:
        raise RobotWmError(f"Transitioning failed: the log of '{config.node_name}' says why")
    print("Transitioning successful")
    return 0


def list_transitions(session: Session, config: List) -> int:
    """Prints transitions with where they start and lead."""
    name = "get_transition_graph" if config.all else "get_available_transitions"
    for one in _ask(session, config.node_name, GetAvailableTransitions, name).available_transitions:
        print(f"- {one.transition.label} [{one.transition.id}]")
        print(f"\tStart: {one.start_state.label}\n\tGoal: {one.goal_state.label}")
    return 0
