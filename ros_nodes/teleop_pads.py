"""A gamepad (sensor_msgs/Joy) and a SpaceMouse (geometry_msgs/Twist and the buttons of its Joy)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from geometry_msgs.msg import Twist
from sensor_msgs.msg import Joy

from ros_nodes.qos import SENSOR
from ros_nodes.teleop_device import Cockpit, Heard, TeleopError
from ros_nodes.teleop_session import Motion, Wish

JOY, TWIST, TWIST_BUTTONS = "joy", "spacenav/twist", "spacenav/joy"
_DEADZONE = 0.1
"""Share of an axis' travel that counts as rest."""


@dataclass(frozen=True)
class JoyLayout:
    """Numbers of axes and buttons, those of `game_controller_node` by default; -1 for what is not there.

    Attributes:
        axes: That move along x, y, z and turn about z: left stick up and left, right stick up and left.
        signs: Of these axes: 1, or -1 where an axis goes the other way.
        buttons: Dead-man switch, sticks turn the hand, open, close, give back: right and left shoulder, A, B, Start.
    """

    axes: Sequence[int] = (1, 0, 3, 2)
    signs: Sequence[float] = (1.0, 1.0, 1.0, 1.0)
    buttons: Sequence[int] = (10, 9, 0, 1, 6)

    def __post_init__(self) -> None:
        if len(self.axes) != 4 or len(self.signs) != 4 or len(self.buttons) != 5 or self.buttons[0] < 0:
            raise TeleopError(
                f"joy_axes {list(self.axes)} and joy_signs {list(self.signs)} need 4 numbers, joy_buttons "
                f"{list(self.buttons)} needs 5, of which the first, the dead-man switch, is a button"
            )

    def missing(self, message: Joy) -> str:
        """What of this a message does not have, or ""."""
        axes, buttons = len(message.axes), len(message.buttons)
        if max(self.axes) < axes and max(self.buttons) < buttons:
            return ""
        return (
            f"{JOY}: it has {axes} axes and {buttons} buttons, but joy_axes is {list(self.axes)} and joy_buttons "
            f"{list(self.buttons)}; set them to those of your gamepad's driver"
        )

    def shares(self, message: Joy) -> np.ndarray:
        """Shares (6,) of the speeds."""
        x, y, z, yaw = (
            sign * _beyond_rest(message.axes[axis]) if axis >= 0 else 0.0
            for axis, sign in zip(self.axes, self.signs, strict=True)
        )
        if self.pressed(message, 1):
            return np.array([0.0, 0.0, z, -y, x, yaw])
        return np.array([x, y, z, 0.0, 0.0, yaw])

    def pressed(self, message: Joy, which: int) -> bool:
        """Whether a button of `buttons` is pressed."""
        button = self.buttons[which]
        return button >= 0 and bool(message.buttons[button])


class Gamepad:
    """Sticks that move and turn the tool."""

    name = "joy"

    def __init__(self, cockpit: Cockpit) -> None:
        self._cockpit, get = cockpit, cockpit.node.get_parameter
        self._layout = JoyLayout(*(tuple(get(f"joy_{name}").value) for name in ("axes", "signs", "buttons")))
        self._message, self._heard, self._gave_back = Joy(), Heard(), False
        cockpit.node.listen(Joy, JOY, self._on_joy, SENSOR, cockpit.group)

    def wish(self, now_s: float) -> Wish:
        """The sticks' shares of the speeds."""
        message, layout = self._message, self._layout
        if not self._heard.within(self._cockpit.timeout_s(), now_s):
            return Wish(self.name, False)
        missing = layout.missing(message)
        if missing:
            return Wish(self.name, any(message.buttons), refusal=missing)
        if not np.all(np.isfinite(message.axes)):
            return Wish(self.name, layout.pressed(message, 0), refusal=f"{JOY}: an axis is not finite")
        opening = 1.0 if layout.pressed(message, 2) else 0.0 if layout.pressed(message, 3) else None
        return Wish(self.name, layout.pressed(message, 0), Motion(shares=layout.shares(message)), opening)

    def close(self) -> None:
        """Nothing is held."""

    def _on_joy(self, message: Joy) -> None:
        self._message = message
        self._heard.now()
        gives_back = not self._layout.missing(message) and self._layout.pressed(message, 4)
        if gives_back and not self._gave_back:
            self._cockpit.give_back()
        self._gave_back = gives_back
        self._cockpit.changed()


class SpaceMouse:
    """A cap that moves and turns the tool; the first button is the dead-man switch, the second the gripper."""

    name = "twist"

    def __init__(self, cockpit: Cockpit) -> None:
        self._cockpit = cockpit
        self._shares, self._opening, self._buttons = np.zeros(6), float("nan"), (0, 0)
        self._moved, self._pressed = Heard(), Heard()
        cockpit.node.listen(Twist, TWIST, self._on_twist, SENSOR, cockpit.group)
        cockpit.node.listen(Joy, TWIST_BUTTONS, self._on_buttons, SENSOR, cockpit.group)

    def wish(self, now_s: float) -> Wish:
        """The cap's shares of the speeds; none once it is silent."""
        timeout_s = self._cockpit.timeout_s()
        held = bool(self._buttons[0]) and self._pressed.within(timeout_s, now_s)
        if not np.all(np.isfinite(self._shares)):
            return Wish(self.name, held, refusal=f"{TWIST}: {self._shares.tolist()} is not finite")
        shares = self._shares if self._moved.within(timeout_s, now_s) else np.zeros(6)
        if not held:
            self._opening = float("nan")
        opening = None if np.isnan(self._opening) else self._opening
        return Wish(self.name, held, Motion(shares=shares), opening)

    def close(self) -> None:
        """Nothing is held."""

    def _on_twist(self, message: Twist) -> None:
        linear, angular = message.linear, message.angular
        self._shares = np.array([linear.x, linear.y, linear.z, angular.x, angular.y, angular.z])
        self._moved.now()
        self._cockpit.changed()

    def _on_buttons(self, message: Any) -> None:
        before, self._buttons = self._buttons, (*message.buttons[:2], 0, 0)[:2]
        self._pressed.now()
        if self._buttons[1] and not before[1]:
            self._opening = 0.0 if self._cockpit.opening() > 0.5 else 1.0
        self._cockpit.changed()


def _beyond_rest(value: float) -> float:
    """0 in the dead zone, and from there on straight up to 1."""
    return float(np.sign(value) * max(0.0, abs(value) - _DEADZONE) / (1.0 - _DEADZONE))
