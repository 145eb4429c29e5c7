"""The keyboard of the terminal that teleop_node was started in."""

from __future__ import annotations

import os
import re
import select
import sys
import termios
import threading
import time
import tty

import numpy as np

from ros_nodes.teleop_device import Cockpit, TeleopError
from ros_nodes.teleop_session import Motion, Wish

KEYS: dict[str, tuple[int, float]] = {
    "w": (0, 1.0), "s": (0, -1.0), "a": (1, 1.0), "d": (1, -1.0), "r": (2, 1.0), "f": (2, -1.0),
    "j": (3, -1.0), "l": (3, 1.0), "i": (4, 1.0), "k": (4, -1.0), "q": (5, 1.0), "e": (5, -1.0),
}  # fmt: skip
"""Which of the six speeds a key asks for, and in which direction."""
HELP = """w s  forward, back     a d  left, right     r f  up, down
i k  tip forward, back j l  tip left, right q e  turn left, right
o c  open, close       b    give back       space lets go at once
The arm moves while a key is held, and 0.15 s after it was pressed. Ctrl-C ends."""
MOVE_S, HOLD_S = 0.15, 1.0
"""How long a key moves the arm, and how long it counts as a held switch: terminals tell of no release, and repeat a
held key only after a while."""
_ESCAPE, _BEGUN = re.compile(rb"\x1b(?:\[[0-9;]*[A-Za-z~]|O?[^\[O])"), re.compile(rb"\x1b(?:\[[0-9;]*|O)?$")
"""What arrows and function keys send, and the beginning of it."""
_LET_GO, _OPEN, _CLOSE, _GIVE_BACK = " ", "o", "c", "b"


class Keyboard:
    """Keys that move and turn the tool.

    Raises:
        TeleopError: Standard input is no terminal.
    """

    name = "keyboard"

    def __init__(self, cockpit: Cockpit) -> None:
        if not sys.stdin.isatty():
            raise TeleopError(
                "the keyboard needs a terminal, which standard input is not: run `robot-wm teleop --device keyboard` "
                "in a terminal of its own"
            )
        self._cockpit, self._input = cockpit, sys.stdin.fileno()
        self._settings = termios.tcgetattr(self._input)
        tty.setcbreak(self._input)
        print(HELP, flush=True)
        self._shares, self._opening = np.zeros(6), float("nan")
        self._pressed_s = self._moved_s = -np.inf
        self._closing, self._lock = threading.Event(), threading.Lock()
        self._reader = threading.Thread(target=self._read, name="keyboard", daemon=True)
        self._reader.start()

    def wish(self, now_s: float) -> Wish:
        """What the last key asked for, as long as it counts."""
        with self._lock:
            held = now_s - self._pressed_s <= HOLD_S
            shares = self._shares if now_s - self._moved_s <= MOVE_S else np.zeros(6)
            if not held:
                self._opening = float("nan")
            opening = None if np.isnan(self._opening) else self._opening
            return Wish(self.name, held, Motion(shares=shares), opening)

    def close(self) -> None:
        """Ends reading and leaves the terminal as it was."""
        self._closing.set()
        self._reader.join(2.0)
        termios.tcsetattr(self._input, termios.TCSADRAIN, self._settings)

    def _read(self) -> None:
        begun = b""
        while not self._closing.is_set():
            ready, _, _ = select.select([self._input], [], [], 0.1)
            if not ready:
                continue
            try:
                keys = os.read(self._input, 64)
            except OSError:
                keys = b""
            if not keys:
                self._cockpit.node.get_logger().error("the terminal is gone; the keyboard drives no more")
                return
            keys = _ESCAPE.sub(b"", begun + keys)
            match = _BEGUN.search(keys)
            keys, begun = (keys[: match.start()], match[0]) if match else (keys, b"")
            for key in keys.decode(errors="ignore").lower():
                self._press(key)

    def _press(self, key: str) -> None:
        now_s = time.monotonic()
        with self._lock:
            if key == _LET_GO:
                self._pressed_s = self._moved_s = -np.inf
            elif key in KEYS:
                axis, direction = KEYS[key]
                self._shares = np.zeros(6)
                self._shares[axis] = direction
                self._pressed_s = self._moved_s = now_s
            elif key in (_OPEN, _CLOSE):
                self._opening, self._pressed_s = float(key == _OPEN), now_s
        if key == _GIVE_BACK:
            self._cockpit.give_back()
