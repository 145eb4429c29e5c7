"""Clocks: steady, system, and ROS time, which follows `/clock` under `use_sim_time`."""

from __future__ import annotations

import time

from rclpy.clock_type import ClockType
from rclpy.time import Time

__all__ = ["Clock", "ClockType", "ROSClock"]


class Clock:
    """Reads one kind of time; `Clock(clock_type=ClockType.ROS_TIME)` makes a `ROSClock`."""

    def __new__(cls, *, clock_type: ClockType = ClockType.SYSTEM_TIME) -> Clock:
        if not isinstance(clock_type, ClockType):
            raise TypeError("Clock type must be a ClockType enum")
        return super().__new__(ROSClock if clock_type is ClockType.ROS_TIME else cls)

    def __init__(self, *, clock_type: ClockType = ClockType.SYSTEM_TIME) -> None:
        self._clock_type = clock_type

    @property
    def clock_type(self) -> ClockType:
        """The kind of time."""
        return self._clock_type

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(clock_type={self._clock_type.name})"

    def nanoseconds(self) -> int:
        """The time now in nanoseconds."""
        return time.monotonic_ns() if self._clock_type is ClockType.STEADY_TIME else time.time_ns()

    def now(self) -> Time:
        """The time now."""
        return Time(nanoseconds=self.nanoseconds(), clock_type=self._clock_type)


class ROSClock(Clock):
    """System time, or the time of the last `/clock` message where that was turned on."""

    def __new__(cls, *, clock_type: ClockType = ClockType.ROS_TIME) -> ROSClock:
        return object.__new__(cls)

    def __init__(self, *, clock_type: ClockType = ClockType.ROS_TIME) -> None:
        super().__init__(clock_type=ClockType.ROS_TIME)
        self._overridden = False
        self._override_ns = 0

    @property
    def ros_time_is_active(self) -> bool:
        """Whether the time comes from `/clock`."""
        return self._overridden

    def _set_ros_time_is_active(self, enabled: bool) -> None:
        self._overridden = enabled

    def set_ros_time_override(self, time_point: Time) -> None:
        """Set the time that this clock shows while it follows `/clock`."""
        if not isinstance(time_point, Time):
            raise TypeError("Time must be specified as rclpy.time.Time")
        self._override_ns = time_point.nanoseconds

    def nanoseconds(self) -> int:
        """The time now in nanoseconds."""
        return self._override_ns if self._overridden else time.time_ns()
