"""`robot-wm service`: which services there are, and calling one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro
from tyro.conf import Positional

from robot_wm.errors import RobotWmError
from ros_nodes.verbs.graph import find_service, one_type, print_names, visible
from ros_nodes.verbs.interfaces import from_yaml, interface
from ros_nodes.verbs.session import DISCOVERY_S, Session, run_verb


@dataclass(frozen=True)
class List:
    """Lists the services.

    Attributes:
        show_types: Also the types.
        count_services: Only how many there are.
        include_hidden_services: Also names with a part that begins with an underscore.
    """

    show_types: Annotated[bool, tyro.conf.arg(aliases=["-t"])] = False
    count_services: Annotated[bool, tyro.conf.arg(aliases=["-c"])] = False
    include_hidden_services: bool = False


@dataclass(frozen=True)
class Type:
    """Shows the type of a service.

    Attributes:
        service_name: The service.
    """

    service_name: Positional[str]


@dataclass(frozen=True)
class Call:
    """Calls a service.

    Attributes:
        service_name: The service.
        service_type: Its type, as `std_srvs/srv/Trigger`.
        values: Fields of the request as YAML.
        timeout: Seconds to wait for the service, and then for its answer.
    """

    service_name: Positional[str]
    service_type: Positional[str]
    values: Positional[str] = "{}"
    timeout: float = DISCOVERY_S


def run(config: List | Type | Call) -> int:
    """Runs one of the verbs; returns the exit code."""
    return run_verb(config, {List: list_services, Type: show_type, Call: call})


def list_services(session: Session, config: List) -> int:
    """Prints the services."""
    session.settle()
    found = visible(session.node.get_service_names_and_types(), config.include_hidden_services)
    print_names(found, config.show_types, config.count_services)
    return 0


def show_type(session: Session, config: Type) -> int:
    """Prints the type of a service."""
    for kind in find_service(session, config.service_name)[1]:
        print(kind)
    return 0


def call(session: Session, config: Call) -> int:
    """Calls a service and prints request and response."""
    kind = interface(config.service_type, "srv")
    request = from_yaml(kind.Request(), config.values)
    name, types = find_service(session, config.service_name, config.timeout)
    if kind is not interface(one_type(name, types), "srv"):
        raise RobotWmError(f"'{name}' is of type {types[0]}; it cannot be called as {config.service_type}")
    client = session.node.create_client(kind, name)
    if not client.service_is_ready():
        print("waiting for service to become available...", flush=True)
    print(f"requester: making request: {request!r}\n", flush=True)
    print(f"response:\n{session.answer(client, request, config.timeout)!r}\n")
    return 0
