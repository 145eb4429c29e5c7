"""Loggers as rclpy documents them: levels by name, and options of a call."""

from __future__ import annotations

from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # noqa: F401  # isort: skip
from rcl_interfaces.msg import LoggerLevel
from rcl_interfaces.srv import GetLoggerLevels, SetLoggerLevels
from rclpy.clock import Clock, ClockType
from rclpy.logging import LoggingSeverity, get_logger, get_logger_effective_level, get_logger_level
from rclpy.time import Time


def test_levels_are_inherited_and_own_ones_win() -> None:
    parent, child = get_logger("family"), get_logger("family").get_child("child")
    parent.set_level(LoggingSeverity.ERROR)
    assert child.get_effective_level() == LoggingSeverity.ERROR and not child.is_enabled_for(LoggingSeverity.WARN)
    assert get_logger_level("family.child") == LoggingSeverity.UNSET
    child.set_level(LoggingSeverity.DEBUG)
    assert child.debug("now") and not parent.warning("not this")
    assert get_logger_effective_level("family.child") == get_logger_level("family.child") == LoggingSeverity.DEBUG
    with pytest.raises(ValueError):
        get_logger("")


def test_once_and_skip_first_count_by_the_calling_line() -> None:
    logger = get_logger("counting")
    assert [logger.info("once", once=True) for _ in range(3)] == [True, False, False]
    assert [logger.info("later", skip_first=True) for _ in range(3)] == [False, True, True]
    assert [logger.info("second", once=True, skip_first=True) for _ in range(3)] == [False, True, False]
    assert [logger.info("always", once=False) for _ in range(2)] == [True, True]
    assert logger.log("named", severity=LoggingSeverity.INFO, name="another")


def test_throttling_follows_the_clock_that_is_given() -> None:
    from rclpy.clock import ROSClock

    clock, logger, shown = ROSClock(), get_logger("slow"), list[bool]()
    clock._set_ros_time_is_active(True)
    for seconds in (10.0, 10.9, 11.1, 11.2, 12.2):
        clock.set_ros_time_override(Time(seconds=seconds, clock_type=ClockType.ROS_TIME))
        shown.append(logger.warning("tick", throttle_duration_sec=1.0, throttle_time_source_type=clock))
    assert shown == [True, False, True, False, True]


def test_wrong_options_are_refused() -> None:
    logger = get_logger("strict")
    with pytest.raises(TypeError):
        logger.info("what", thrice=True)
    with pytest.raises(TypeError):
        logger.info("what", throttle_time_source_type=Clock())
    with pytest.raises(ValueError):
        logger.info("what", throttle_duration_sec=1.0, throttle_time_source_type="STEADY")
    with pytest.raises(ValueError):
        for severity in (LoggingSeverity.INFO, LoggingSeverity.ERROR):
            logger.log("one line, two severities", severity)


def test_levels_by_service(contexts: Any) -> None:
    node, caller = contexts.make("arm", enable_logger_service=True), contexts.make("caller")

    def call(kind: Any, name: str, request: Any) -> Any:
        client = caller.create_client(kind, f"/arm/{name}")
        contexts.until(client.service_is_ready)
        return contexts.result(client.call_async(request))

    levels = [LoggerLevel(name="arm", level=40), LoggerLevel(name="arm.joint", level=7)]
    results = call(SetLoggerLevels, "set_logger_levels", SetLoggerLevels.Request(levels=levels)).results
    assert [each.successful for each in results] == [True, False] and results[1].reason
    assert node.get_logger().get_effective_level() == LoggingSeverity.ERROR
    answer = call(GetLoggerLevels, "get_logger_levels", GetLoggerLevels.Request(names=["arm", "nobody"]))
    assert [(each.name, each.level) for each in answer.levels] == [("arm", 40), ("nobody", 0)]
