"""What an executor watches: something that becomes ready, and the callback to run then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cyclonedds.core import Entity

from rclpy.callback_groups import CallbackGroup

Work = Callable[[], Any]
"""What to run; it may return a coroutine, which the executor then drives."""


class Waitable:
    """Base of subscriptions, services, clients, guard conditions, events and timers.

    Attributes:
        callback_group: the group whose rule its callbacks follow.
        condition: the DDS entity that becomes ready; None for timers.
    """

    condition: Entity | None = None

    def __init__(self, callback_group: CallbackGroup) -> None:
        self.callback_group = callback_group
        callback_group.add_entity(self)

    def take(self) -> Work | None:
        """Take one piece of work off it; None where there was nothing after all."""
        raise NotImplementedError

    def release(self) -> None:
        """Let go of the DDS entities."""
        self.condition = None


def wants_info(callback: Callable[..., Any]) -> bool:
    """Whether a subscription's callback takes the message's info as a second argument."""
    import inspect

    try:
        inspect.signature(callback).bind(object())
    except TypeError:
        inspect.signature(callback).bind(object(), object())
        return True
    return False
