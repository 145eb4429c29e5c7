"""What devices say becomes wishes, and what makes no sense is refused; their messages are handed to them directly."""

from __future__ import annotations

import os
import pty
import termios
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pinocchio")

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Twist, Vector3  # isort: skip
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.logging import get_logger
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool, Float32

from ros_nodes.diagnostics import Meter
from ros_nodes.teleop_browser import Browser
from ros_nodes.teleop_device import Cockpit, TeleopError
from ros_nodes.teleop_keyboard import HOLD_S, MOVE_S, Keyboard
from ros_nodes.teleop_pads import Gamepad, JoyLayout, SpaceMouse

NOW_S, TIMEOUT_S = 1000.0, 30.0
LAYOUT = JoyLayout()
DEADMAN, TURN, OPEN, CLOSE, GIVE_BACK = LAYOUT.buttons


class Panel:
    """Stands for teleop_node: keeps the callbacks, so that a test can hand messages to a device."""

    def __init__(self) -> None:
        self.hears: dict[str, Callable[[Any], None]] = {}
        self.changes, self.gave_back, self.opening = 0, 0, 0.0

    def listen(self, kind: type, topic: str, callback: Callable, qos: Any, group: Any) -> None:
        self.hears[topic] = callback

    def get_parameter(self, name: str) -> Any:
        value = getattr(LAYOUT, name.removeprefix("joy_"))
        return type("Parameter", (), {"value": list(value)})

    def get_logger(self) -> Any:
        return get_logger("panel")

    def meter(self, name: str) -> Meter:
        return Meter(name)

    def now_s(self) -> float:
        return NOW_S

    def cockpit(self) -> Cockpit:
        def count(name: str) -> Callable[[], None]:
            return lambda: setattr(self, name, getattr(self, name) + 1)

        group = MutuallyExclusiveCallbackGroup()
        changed, give_back = count("changes"), count("gave_back")
        return Cockpit(self, group, "base", lambda: TIMEOUT_S, lambda: self.opening, changed, give_back)  # type: ignore[arg-type]


@pytest.fixture
def panel() -> Panel:
    return Panel()


def joy(*pressed: int, axes: tuple[float, ...] = (0.0,) * 6, buttons: int = 15) -> Joy:
    return Joy(axes=list(axes), buttons=[int(each in pressed) for each in range(buttons)])


def test_sticks_move_and_turn_and_rest_is_rest(panel: Panel) -> None:
    pad = Gamepad(panel.cockpit())
    assert not pad.wish(time.monotonic()).held
    panel.hears["joy"](joy(DEADMAN, axes=(-1.0, 0.55, 0.05, 1.0, 0.0, 0.0)))
    wish = pad.wish(time.monotonic())
    np.testing.assert_allclose(wish.motion.shares, [0.5, -1.0, 1.0, 0.0, 0.0, 0.0])
    assert wish.held and wish.opening is None and panel.changes == 1
    panel.hears["joy"](joy(DEADMAN, TURN, CLOSE, axes=(0.0, 1.0, -1.0, 0.0, 0.0, 0.0)))
    wish = pad.wish(time.monotonic())
    np.testing.assert_allclose(wish.motion.shares, [0.0, 0.0, 0.0, 0.0, 1.0, -1.0])
    assert wish.opening == 0.0
    assert not pad.wish(time.monotonic() + TIMEOUT_S).held, "a pad that is silent is let go"


def test_the_button_gives_back_once_each_time_it_is_pressed(panel: Panel) -> None:
    Gamepad(panel.cockpit())
    for pressed in ((GIVE_BACK,), (GIVE_BACK,), (), (GIVE_BACK,)):
        panel.hears["joy"](joy(*pressed))
    assert panel.gave_back == 2


def test_another_pad_and_numbers_not_finite_are_refused(panel: Panel) -> None:
    pad = Gamepad(panel.cockpit())
    panel.hears["joy"](joy(0, buttons=6))
    wish = pad.wish(time.monotonic())
    assert wish.held and "6 axes and 6 buttons" in wish.refusal and "joy_buttons" in wish.refusal
    panel.hears["joy"](joy(DEADMAN, axes=(float("nan"),) * 6))
    assert "not finite" in pad.wish(time.monotonic()).refusal
    with pytest.raises(TeleopError, match="dead-man switch, is a button"):
        JoyLayout(buttons=(-1, 0, 0, 0, 0))


def test_a_spacemouse_moves_while_its_button_is_held(panel: Panel) -> None:
    mouse = SpaceMouse(panel.cockpit())
    twist = Twist(linear=Vector3(x=0.2, y=-0.4, z=1.0), angular=Vector3(x=0.0, y=0.5, z=0.0))
    panel.hears["spacenav/twist"](twist)
    assert not mouse.wish(time.monotonic()).held
    panel.hears["spacenav/joy"](Joy(buttons=[1, 0]))
    wish = mouse.wish(time.monotonic())
    np.testing.assert_allclose(wish.motion.shares, [0.2, -0.4, 1.0, 0.0, 0.5, 0.0])
    assert wish.held and wish.opening is None
    panel.hears["spacenav/joy"](Joy(buttons=[1, 1]))
    assert mouse.wish(time.monotonic()).opening == 1.0
    panel.opening = 1.0
    panel.hears["spacenav/joy"](Joy(buttons=[1, 1]))
    assert mouse.wish(time.monotonic()).opening == 1.0, "holding the button is one press"
    for buttons in ([1, 0], [1, 1]):
        panel.hears["spacenav/joy"](Joy(buttons=buttons))
    assert mouse.wish(time.monotonic()).opening == 0.0
    panel.hears["spacenav/twist"](Twist(linear=Vector3(x=float("inf"), y=0.0, z=0.0)))
    assert "not finite" in mouse.wish(time.monotonic()).refusal


def pose(stamp_s: float = NOW_S, frame: str = "base", qx: float = 1.0) -> PoseStamped:
    rotation = Quaternion(x=qx, y=0.0, z=0.0, w=0.0)
    message = PoseStamped(pose=Pose(position=Point(x=0.4, y=0.1, z=0.2), orientation=rotation))
    message.header.frame_id, message.header.stamp.sec = frame, int(stamp_s)
    return message


def test_a_browser_holds_with_pose_and_switch_both(panel: Panel) -> None:
    browser = Browser(panel.cockpit())
    panel.hears["teleop/deadman"](Bool(data=True))
    assert not browser.wish(time.monotonic()).held
    panel.hears["teleop/pose"](pose())
    wish = browser.wish(time.monotonic())
    np.testing.assert_allclose(wish.motion.pose, [0.4, 0.1, 0.2, 1.0, 0.0, 0.0, 0.0])
    assert wish.held and wish.opening is None
    panel.hears["teleop/gripper"](Float32(data=0.5))
    panel.hears["teleop/gripper"](Float32(data=1.5))
    assert browser.wish(time.monotonic()).opening == 0.5
    assert not browser.wish(time.monotonic() + TIMEOUT_S).held
    panel.hears["teleop/deadman"](Bool(data=True))
    panel.hears["teleop/pose"](pose())
    assert browser.wish(time.monotonic()).opening is None, "an opening counts until the switch is let go"
    panel.hears["teleop/deadman"](Bool(data=False))
    assert not browser.wish(time.monotonic()).held


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (pose(frame="world"), "frame is 'world', expected 'base'"),
        (pose(qx=0.5), "unit quaternion"),
        (pose(qx=float("nan")), "is no pose"),
        (pose(stamp_s=NOW_S - 2), "stale"),
        (pose(stamp_s=NOW_S + 2), "from the future"),
    ],
)
def test_a_pose_that_makes_no_sense_is_refused(panel: Panel, message: PoseStamped, words: str) -> None:
    browser = Browser(panel.cockpit())
    panel.hears["teleop/deadman"](Bool(data=True))
    panel.hears["teleop/pose"](message)
    wish = browser.wish(time.monotonic())
    assert wish.held and words in wish.refusal and wish.motion.pose is None


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """A pseudo-terminal as standard input: where keys are pressed, and the terminal itself."""
    keys, inside = pty.openpty()
    with os.fdopen(inside, "r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield keys, inside
    os.close(keys)


def test_keys_move_for_a_moment_and_space_lets_go(panel: Panel, terminal: tuple[int, int]) -> None:
    keys, inside = terminal
    before = termios.tcgetattr(inside)
    keyboard = Keyboard(panel.cockpit())

    def press(key: bytes, condition: Callable[[Any], bool]) -> None:
        deadline = time.monotonic() + 20.0
        os.write(keys, key)
        while not condition(keyboard.wish(keyboard._pressed_s)) and time.monotonic() < deadline:
            time.sleep(0.005)
        assert condition(keyboard.wish(keyboard._pressed_s))

    press(b"a", lambda wish: wish.held and wish.motion.shares[1] == 1.0)
    pressed_s = keyboard._pressed_s
    assert not keyboard.wish(pressed_s + MOVE_S + 0.01).motion.shares.any()
    assert keyboard.wish(pressed_s + MOVE_S + 0.01).held and not keyboard.wish(pressed_s + HOLD_S + 0.01).held
    press(b"\x1b[AK\x1b[", lambda wish: wish.motion.shares[4] == -1.0)
    press(b"Dw", lambda wish: wish.motion.shares[0] == 1.0)
    press(b"o", lambda wish: wish.opening == 1.0)
    press(b" ", lambda wish: not keyboard.wish(time.monotonic()).held)
    press(b"b", lambda wish: panel.gave_back == 1)
    keyboard.close()
    assert termios.tcgetattr(inside)[:4] == before[:4]


def test_without_a_terminal_the_keyboard_says_what_to_do(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        with pytest.raises(TeleopError, match="robot-wm teleop --device keyboard"):
            Keyboard(panel.cockpit())
