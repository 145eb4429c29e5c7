"""The type store: ROS 2 Jazzy's message definitions, the services that it lacks, and their RIHS01 hashes."""

from functools import cache

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from rclpy.impl.definitions import SERVICES

NO_FIELDS = "structure_needs_at_least_one_member"

_WRONG_IN_ROSBAGS = {
    "rmw_dds_common/msg/ParticipantEntitiesInfo": (
        "RIHS01_91a0593bacdcc50ea9bdcf849a938b128412cc1ea821245c663bcd26f83c295e"
    ),
}


def _register_service(store: Typestore, name: str, text: str) -> None:
    request, _, response = text.partition("---")
    for suffix, body in (("_Request", request), ("_Response", response)):
        (constants, fields) = next(iter(get_types_from_msg(body, name + suffix).values()))
        if not fields:
            fields = [(NO_FIELDS, (Nodetype.BASE, ("uint8", 0)))]
        store.register({name + suffix: (constants, fields)})


def _load_store() -> Typestore:
    store = get_typestore(Stores.ROS2_JAZZY)
    for name, text in SERVICES.items():
        _register_service(store, name, text)
    return store


STORE = _load_store()


def names_in(package: str, kind: str) -> list[str]:
    """Interface names of a package: `names_in("std_msgs", "msg")` is `["Bool", ...]`; `kind` is `msg` or `srv`."""
    prefix = f"{package}/{kind}/"
    source = SERVICES if kind == "srv" else STORE.fielddefs
    return sorted(name.removeprefix(prefix) for name in source if name.startswith(prefix))


@cache
def type_hash(type_name: str) -> str:
    """RIHS01 hash of `package/msg/Name`, as endpoints announce it in their user data."""
    return _WRONG_IN_ROSBAGS.get(type_name) or STORE.hash_rihs01(type_name)


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
