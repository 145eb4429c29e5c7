"""The type store: ROS 2 Jazzy's message definitions, the interfaces that it lacks, and their RIHS01 hashes."""

from functools import cache
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from rclpy.impl.definitions import ACTION_PARTS, ACTIONS, MESSAGES, SERVICES

NO_FIELDS = "structure_needs_at_least_one_member", (Nodetype.BASE, ("uint8", 0))
"""What an empty message holds."""


def parse(name: str, text: str) -> tuple[Any, Any]:
    """The constants and the fields of a message from the text of its definition."""
    constants, fields = next(iter(get_types_from_msg(text, name).values()))
    return constants, fields or [NO_FIELDS]


def _service_texts(name: str, text: str) -> dict[str, str]:
    request, response = text.split("---")
    return {name + "_Request": request, name + "_Response": response}


def action_texts(name: str, text: str) -> dict[str, str]:
    """The definitions of all messages that ROS 2 derives from an action's."""
    goal, result, feedback = text.split("---")
    texts = {name + "_Goal": goal, name + "_Result": result, name + "_Feedback": feedback}
    return texts | {name + suffix: body.format(action=name) for suffix, body in ACTION_PARTS.items()}


def _load_store() -> Typestore:
    texts = dict(MESSAGES)
    for name, text in SERVICES.items():
        texts |= _service_texts(name, text)
    for name, text in ACTIONS.items():
        texts |= action_texts(name, text)
    store = get_typestore(Stores.ROS2_JAZZY)
    store.fielddefs.update({name: parse(name, text) for name, text in texts.items()})
    for name, (constants, fields) in store.fielddefs.items():
        store.fielddefs[name] = constants, [(field, _without_char(description)) for field, description in fields]
    return store


def _without_char(description: Any) -> Any:
    """ROS 2 makes uint8 of the old `char` before it hashes a type; rosbags hashes it as it stands."""
    node, argument = description
    if node == Nodetype.BASE:
        return (node, ("uint8", 0)) if argument[0] == "char" else description
    return description if node == Nodetype.NAME else (node, (_without_char(argument[0]), argument[1]))


STORE = _load_store()


def names_in(package: str, kind: str) -> list[str]:
    """Interface names of a package.

    Args:
        package: `std_msgs`
        kind: `msg`, `srv` or `action`.
    """
    prefix = f"{package}/{kind}/"
    source = {"srv": SERVICES, "action": ACTIONS}.get(kind, STORE.fielddefs)
    return sorted(name.removeprefix(prefix) for name in source if name.startswith(prefix))


@cache
def type_hash(type_name: str) -> str:
    """RIHS01 hash of `package/msg/Name`, as endpoints announce it in their user data."""
    return STORE.hash_rihs01(type_name)


def dds_type_name(type_name: str) -> str:
    """`sensor_msgs/msg/Image` -> `sensor_msgs::msg::dds_::Image_`."""
    package, kind, name = type_name.split("/")
    return f"{package}::{kind}::dds_::{name}_"


def ros_type_name(dds_name: str) -> str:
    """`sensor_msgs::msg::dds_::Image_` -> `sensor_msgs/msg/Image`; other names come back unchanged."""
    parts = dds_name.split("::")
    if len(parts) != 4 or parts[2] != "dds_" or not parts[3].endswith("_"):
        return dds_name
    return f"{parts[0]}/{parts[1]}/{parts[3][:-1]}"
