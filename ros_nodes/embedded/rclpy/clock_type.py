"""The kinds of time."""

from enum import IntEnum


class ClockType(IntEnum):
    """Which clock a time was read from; times of different clocks do not compare."""

    UNINITIALIZED = 0
    ROS_TIME = 1
    SYSTEM_TIME = 2
    STEADY_TIME = 3
