"""Sleeping at a rate: it keeps time, and it ends with the rate, its timer and the context."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # isort: skip
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ROSInterruptException


@pytest.fixture
def node(domain: int, spin: Callable[..., Any]) -> Any:
    context = rclpy.Context()
    rclpy.init(context=context, args=[], domain_id=domain)
    return spin(rclpy.create_node("sleeper", context=context))


def test_sleeps_add_up(node: Any) -> None:
    rate = node.create_rate(50.0, Clock(clock_type=ClockType.STEADY_TIME))
    rate.sleep()
    start = time.monotonic()
    for _ in range(10):
        rate.sleep()
    assert time.monotonic() - start > 0.15
    assert node.destroy_rate(rate) and not node.destroy_rate(rate)
    with pytest.raises(RuntimeError):
        rate.sleep()


def test_one_tick_wakes_all_who_sleep(node: Any) -> None:
    rate = node.create_rate(2.0)
    threads = [threading.Thread(target=rate.sleep, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)
    assert not any(thread.is_alive() for thread in threads)


def test_a_frequency_must_be_positive(node: Any) -> None:
    for frequency in (0.0, -1.0):
        with pytest.raises(ValueError, match="frequency must be > 0"):
            node.create_rate(frequency)


def test_shutdown_interrupts_a_long_sleep(node: Any) -> None:
    rate, ended, asleep = node.create_rate(0.001), list[type](), threading.Event()

    def sleep() -> None:
        asleep.set()
        try:
            rate.sleep()
        except ROSInterruptException as error:
            ended.append(type(error))

    thread = threading.Thread(target=sleep, daemon=True)
    thread.start()
    assert asleep.wait(20.0)
    rclpy.try_shutdown(context=node.context)
    thread.join(20.0)
    assert ended == [ROSInterruptException]
