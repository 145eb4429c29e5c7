"""Which messages of a calling line are shown: the first only, all but the first, or one in a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rclpy.clock import Clock

NAMES = ("throttle_duration_sec", "throttle_time_source_type", "skip_first", "once")


@dataclass
class Filters:
    """The filters of one calling line and what they have seen there; they apply in this order, as in rclpy.

    Attributes:
        options: what the line asked for.
    """

    options: dict[str, Any]
    _last_ns: float = float("-inf")
    _skipped: bool = False
    _shown: bool = False

    def let_pass(self) -> bool:
        """Whether the message is shown now."""
        period_s, clock = self.options.get("throttle_duration_sec"), self.options.get("throttle_time_source_type")
        if period_s:
            now_ns = (clock or Clock()).now().nanoseconds
            if now_ns < self._last_ns + period_s * 1e9:
                return False
            self._last_ns = now_ns
        if self.options.get("skip_first") and not self._skipped:
            self._skipped = True
            return False
        if self.options.get("once") and self._shown:
            return False
        self._shown = True
        return True


def checked(options: dict[str, Any]) -> dict[str, Any]:
    """The options that ask for something.

    Raises:
        TypeError: one of them is unknown, or a clock is given without a duration.
        ValueError: the time source is not a clock.
    """
    unknown = [name for name in options if name not in NAMES]
    if unknown:
        raise TypeError(f"'{unknown[0]}' is no option of a log call; there are {', '.join(NAMES)}")
    wanted = {name: value for name, value in options.items() if value}
    clock = wanted.get("throttle_time_source_type")
    if clock is not None and "throttle_duration_sec" not in wanted:
        raise TypeError("throttle_time_source_type needs throttle_duration_sec beside it")
    if clock is not None and not isinstance(clock, Clock):
        raise ValueError(f"throttle_time_source_type must be a Clock; got {clock!r}")
    return wanted
