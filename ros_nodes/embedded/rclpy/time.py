"""Points in time."""

from __future__ import annotations

import builtin_interfaces.msg

from rclpy.clock_type import ClockType
from rclpy.constants import S_TO_NS
from rclpy.duration import Duration


class Time:
    """A point in time on one clock.

    Args:
        seconds: since the clock's epoch, not negative.
        nanoseconds: added to the seconds.
        clock_type: the clock it belongs to.
    """

    def __init__(
        self, *, seconds: int | float = 0, nanoseconds: int = 0, clock_type: ClockType = ClockType.SYSTEM_TIME
    ) -> None:
        if not isinstance(clock_type, ClockType):
            raise TypeError("Clock type must be a ClockType enum")
        if seconds < 0 or nanoseconds < 0:
            raise ValueError(f"A time must not be negative; got {seconds} s and {nanoseconds} ns")
        self._nanoseconds = int(seconds * S_TO_NS) + int(nanoseconds)
        if self._nanoseconds >= 2**63:
            raise OverflowError("Total nanoseconds value is too large to store in a time point.")
        self._clock_type = clock_type

    @property
    def nanoseconds(self) -> int:
        """Nanoseconds since the clock's epoch."""
        return self._nanoseconds

    @property
    def clock_type(self) -> ClockType:
        """The clock that it belongs to."""
        return self._clock_type

    def seconds_nanoseconds(self) -> tuple[int, int]:
        """Whole seconds and the nanoseconds after them."""
        return divmod(self._nanoseconds, S_TO_NS)

    def __repr__(self) -> str:
        return f"Time(nanoseconds={self._nanoseconds}, clock_type={self._clock_type.name})"

    def __add__(self, other: Duration) -> Time:
        if not isinstance(other, Duration):
            return NotImplemented
        return Time(nanoseconds=self._nanoseconds + other.nanoseconds, clock_type=self._clock_type)

    __radd__ = __add__

    def __sub__(self, other: Time | Duration) -> Time | Duration:
        if isinstance(other, Time):
            return Duration(nanoseconds=self._nanoseconds - self._comparable(other))
        if isinstance(other, Duration):
            return Time(nanoseconds=self._nanoseconds - other.nanoseconds, clock_type=self._clock_type)
        return NotImplemented

    def _comparable(self, other: Time) -> int:
        if self._clock_type != other._clock_type:
            raise TypeError("Can't compare times with different clock types")
        return other._nanoseconds

    def __eq__(self, other: object) -> bool:
        return self._nanoseconds == self._comparable(other) if isinstance(other, Time) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._nanoseconds < self._comparable(other) if isinstance(other, Time) else NotImplemented

    def __le__(self, other: object) -> bool:
        return self._nanoseconds <= self._comparable(other) if isinstance(other, Time) else NotImplemented

    def __gt__(self, other: object) -> bool:
        return self._nanoseconds > self._comparable(other) if isinstance(other, Time) else NotImplemented

    def __ge__(self, other: object) -> bool:
        return self._nanoseconds >= self._comparable(other) if isinstance(other, Time) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def to_msg(self) -> builtin_interfaces.msg.Time:
        """As builtin_interfaces/Time."""
        seconds, nanoseconds = self.seconds_nanoseconds()
        return builtin_interfaces.msg.Time(sec=seconds, nanosec=nanoseconds)

    @classmethod
    def from_msg(cls, msg: builtin_interfaces.msg.Time, clock_type: ClockType = ClockType.ROS_TIME) -> Time:
        """From builtin_interfaces/Time."""
        if not isinstance(msg, builtin_interfaces.msg.Time):
            raise TypeError("Must pass a builtin_interfaces.msg.Time object")
        return cls(seconds=msg.sec, nanoseconds=msg.nanosec, clock_type=clock_type)
