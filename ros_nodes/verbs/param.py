"""`robot-wm param`: reading and setting the parameters of running nodes."""

from __future__ import annotations

from dataclasses import dataclass

from tyro.conf import Positional

from ros_nodes.verbs.param_read import Describe, Dump, Get, List, describe, dump, get, list_parameters
from ros_nodes.verbs.remote_parameters import RemoteParameters
from ros_nodes.verbs.session import Session, run_verb


@dataclass(frozen=True)
class Set:
    """Sets a parameter.

    Attributes:
        node_name: The node.
        parameter_name: The parameter.
        value: Its new value as YAML; 1 is an integer, 1.0 a double.
    """

    node_name: Positional[str]
    parameter_name: Positional[str]
    value: Positional[str]


def run(config: List | Get | Set | Describe | Dump) -> int:
    """Runs one of the verbs; returns the exit code."""
    return run_verb(config, {List: list_parameters, Get: get, Set: set_parameter, Describe: describe, Dump: dump})


def set_parameter(session: Session, config: Set) -> int:
    """Sets a parameter, or says why the node refuses it."""
    RemoteParameters(session, config.node_name).set(config.parameter_name, config.value)
    print("Set parameter successful")
    return 0
