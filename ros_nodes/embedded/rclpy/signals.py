"""SIGINT and SIGTERM: end the contexts, so that every spin returns."""

from __future__ import annotations

import os
import signal
import threading
from enum import Enum
from types import FrameType
from typing import Any

from rclpy.context import ACTIVE


class SignalHandlerOptions(Enum):
    """Which signals rclpy handles."""

    NO = 0
    SIGINT = 1
    SIGTERM = 2
    ALL = 3


_previous: dict[int, Any] = {}
_wakeup: int | None = None


def _end_contexts(number: int, frame: FrameType | None) -> None:
    for context in list(ACTIVE):
        context.try_shutdown()
    previous = _previous.get(number)
    if callable(previous):
        previous(number, frame)


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 1):
        for context in list(ACTIVE):
            context.wake()


def _install_wakeup() -> None:
    """Waiting happens inside Cyclone DDS, where Python's handlers do not run; a thread ends it at each signal."""
    global _wakeup
    if _wakeup is not None:
        return
    reading, _wakeup = os.pipe()
    os.set_blocking(_wakeup, False)
    signal.set_wakeup_fd(_wakeup, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading,), name="rclpy signals", daemon=True).start()


def install_signal_handlers(options: SignalHandlerOptions = SignalHandlerOptions.ALL) -> None:
    """Install the handlers; does nothing outside the main thread, where Python does not allow it."""
    if options is SignalHandlerOptions.NO or threading.current_thread() is not threading.main_thread():
        return
    wanted = {
        SignalHandlerOptions.SIGINT: (signal.SIGINT,),
        SignalHandlerOptions.SIGTERM: (signal.SIGTERM,),
        SignalHandlerOptions.ALL: (signal.SIGINT, signal.SIGTERM),
    }[options]
    _install_wakeup()
    for number in wanted:
        if number not in _previous:
            _previous[number] = signal.signal(number, _end_contexts)


def uninstall_signal_handlers() -> None:
    """Give the signals back to whoever had them."""
    global _wakeup
    if threading.current_thread() is not threading.main_thread():
        return
    for number, previous in _previous.items():
        signal.signal(number, previous)
    _previous.clear()
    if _wakeup is not None:
        signal.set_wakeup_fd(-1)
        os.close(_wakeup)
        _wakeup = None
