"""What every device of teleop_node has, and what it is made from."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rclpy.callback_groups import CallbackGroup

from robot_wm.errors import RobotWmError
from ros_nodes.managed_node import ManagedNode
from ros_nodes.teleop_session import Wish


class TeleopError(RobotWmError):
    """A device that cannot be used, or says what makes no sense."""


@dataclass(frozen=True)
class Cockpit:
    """Where a device is plugged in.

    Attributes:
        node: teleop_node.
        group: Callback group of everything that drives.
        base_frame: Frame that poses must be expressed in.
        timeout_s: Longest silence after which a dead-man switch counts as let go.
        opening: The opening that the gripper was given last.
        changed: To be called when the device has said something, so that it is followed at once.
        give_back: To be called when the person gives control back to the planner.
    """

    node: ManagedNode
    group: CallbackGroup
    base_frame: str
    timeout_s: Callable[[], float]
    opening: Callable[[], float]
    changed: Callable[[], None]
    give_back: Callable[[], None]


class Device(Protocol):
    """A device.

    Attributes:
        name: Of the device, for people.
    """

    name: str

    def wish(self, now_s: float) -> Wish:
        """What the person wants at a monotonic time."""

    def close(self) -> None:
        """Gives back what the device holds."""


class Heard:
    """When something was heard last, on the monotonic clock."""

    def __init__(self) -> None:
        self._at_s = -float("inf")

    def now(self) -> None:
        """It was heard just now."""
        self._at_s = time.monotonic()

    def within(self, seconds: float, now_s: float) -> bool:
        """Whether that is no longer ago than `seconds`."""
        return now_s - self._at_s <= seconds
