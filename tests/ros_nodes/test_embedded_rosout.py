"""A node's log as others get it on `/rosout`."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # noqa: F401  # isort: skip
from rcl_interfaces.msg import Log
from rclpy.duration import Duration
from rclpy.logging import LoggingSeverity, get_logger
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

only_embedded = pytest.mark.skipif(
    importlib.util.find_spec("rclpy.impl.rosout") is None, reason="a real rclpy sets up its log once a process"
)
LATCHED = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def heard(contexts: Any) -> list[Log]:
    """What arrives on `/rosout` from now on, and what was said a moment ago."""
    messages: list[Log] = []
    listener = contexts.make("listener", enable_rosout=False)
    listener.create_subscription(Log, "/rosout", messages.append, LATCHED)
    return messages


def texts(heard: list[Log]) -> list[str]:
    return [message.msg for message in heard]


def test_message_has_name_level_text_and_call_site(contexts: Any, heard: list[Log]) -> None:
    node = contexts.make("arm", namespace="/left")
    node.get_logger().warning("too hot")
    contexts.until(lambda: "too hot" in texts(heard))
    [message] = [one for one in heard if one.msg == "too hot"]
    assert message.name == "left.arm"
    assert message.level == LoggingSeverity.WARN
    assert message.file.endswith("test_embedded_rosout.py")
    assert message.function == "test_message_has_name_level_text_and_call_site"
    assert message.line > 0
    assert message.stamp.sec > 0


def test_late_listener_gets_what_was_said_before(contexts: Any) -> None:
    contexts.make("early").get_logger().error("said before")
    messages: list[Log] = []
    contexts.make("late").create_subscription(Log, "/rosout", messages.append, LATCHED)
    contexts.until(lambda: "said before" in texts(messages))


def test_child_loggers_belong_to_their_node_and_others_do_not(contexts: Any, heard: list[Log]) -> None:
    logger = contexts.make("arm").get_logger()
    logger.debug("not shown, so not sent")
    get_logger("stranger").info("of no node")
    logger.get_child("gripper").info("closed")
    logger.info("last")
    contexts.until(lambda: "last" in texts(heard))
    assert [(one.name, one.msg) for one in heard] == [("arm.gripper", "closed"), ("arm", "last")]


def test_profile_is_the_one_of_ros(contexts: Any) -> None:
    contexts.make("arm")
    asking = contexts.make("asking", enable_rosout=False)
    [info] = contexts.until(lambda: asking.get_publishers_info_by_topic("/rosout"))
    assert info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert info.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert info.qos_profile.lifespan == Duration(seconds=10)


@only_embedded
def test_off_by_argument_and_by_command_line(contexts: Any, heard: list[Log]) -> None:
    contexts.make("quiet", enable_rosout=False).get_logger().info("kept here")
    contexts.make("silent", "--ros-args", "--disable-rosout-logs").get_logger().info("kept here, too")
    contexts.make("loud").get_logger().info("sent")
    contexts.until(lambda: "sent" in texts(heard))
    assert texts(heard) == ["sent"]


@only_embedded
def test_console_can_be_turned_off(contexts: Any, heard: list[Log], capfd: pytest.CaptureFixture[str]) -> None:
    try:
        contexts.make("arm", "--ros-args", "--disable-stdout-logs").get_logger().info("only sent")
        contexts.until(lambda: "only sent" in texts(heard))
        assert "only sent" not in capfd.readouterr().err
    finally:
        contexts.make("again")


def test_destroyed_node_sends_no_more(contexts: Any, heard: list[Log]) -> None:
    node = contexts.make("arm")
    logger = node.get_logger()
    logger.info("first")
    contexts.until(lambda: "first" in texts(heard))
    node.destroy_node()
    logger.info("second")
    contexts.make("other").get_logger().info("third")
    contexts.until(lambda: "third" in texts(heard))
    assert texts(heard) == ["first", "third"]
