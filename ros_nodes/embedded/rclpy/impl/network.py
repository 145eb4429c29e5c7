"""Which network the DDS domain uses: the loopback interface, unless the environment says otherwise."""

import os
from functools import cache

from cyclonedds.domain import Domain

MAX_PROCESSES = 115

LOOPBACK = f"""
<CycloneDDS><Domain id="any">
  <General>
    <Interfaces><NetworkInterface name="lo" multicast="false"/></Interfaces>
    <AllowMulticast>false</AllowMulticast>
    <MaxMessageSize>65500B</MaxMessageSize>
    <FragmentSize>63000B</FragmentSize>
  </General>
  <Discovery>
    <ParticipantIndex>auto</ParticipantIndex>
    <MaxAutoParticipantIndex>{MAX_PROCESSES}</MaxAutoParticipantIndex>
    <Peers><Peer address="127.0.0.1"/></Peers>
  </Discovery>
</Domain></CycloneDDS>
"""
"""Loopback has no multicast, so discovery asks each process slot; large datagrams carry an image in few calls."""


def domain_id_from_environment() -> int:
    """The domain of `ROS_DOMAIN_ID`, 0 where it is not set.

    Raises:
        ValueError: it is not a whole number in 0..232.
    """
    text = os.environ.get("ROS_DOMAIN_ID", "").strip() or "0"
    if not text.isdecimal() or int(text) > 232:
        raise ValueError(f"ROS_DOMAIN_ID is {text!r}; it must be a whole number from 0 to 232")
    return int(text)


def is_loopback_only() -> bool:
    """Whether this process keeps to this machine."""
    return not os.environ.get("CYCLONEDDS_URI") and os.environ.get("ROBOT_WM_NETWORK", "0") in ("", "0")


@cache
def open_domain(domain_id: int) -> Domain | None:
    """Configure a domain once for this process; None leaves the configuration to Cyclone DDS and CYCLONEDDS_URI."""
    return Domain(domain_id, LOOPBACK) if is_loopback_only() else None
