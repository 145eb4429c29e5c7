"""Quality of service that is not fixed in the code: overridden by parameters, or chosen by what the peers have."""

from __future__ import annotations

from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # noqa: F401  # isort: skip
from rcl_interfaces.msg import SetParametersResult
from rclpy.duration import Duration
from rclpy.qos import (
    DurabilityPolicy,
    LivelinessPolicy,
    QoSPolicyKind,
    QoSPresetProfiles,
    QoSProfile,
    ReliabilityPolicy,
    qos_profile_best_available,
)
from rclpy.qos_overriding_options import InvalidQosOverridesError, QoSOverridingOptions
from std_msgs.msg import String

DEFAULT = QoSOverridingOptions.with_default_policies()
RELIABLE, BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
LATCHED, VOLATILE = DurabilityPolicy.TRANSIENT_LOCAL, DurabilityPolicy.VOLATILE


def offered(node: Any, topic: str) -> QoSProfile:
    return node.get_publishers_info_by_topic(topic)[0].qos_profile


def wished(node: Any, topic: str) -> QoSProfile:
    return node.get_subscriptions_info_by_topic(topic)[0].qos_profile


def given(name: str, value: Any) -> tuple[str, ...]:
    return ("--ros-args", "-p", f"qos_overrides.{name}:={value}")


def test_parameters_override_reliability_and_depth(contexts: Any) -> None:
    arguments = (*given("/fast.publisher.reliability", "best_effort"), *given("/fast.subscription.depth", "3"))
    node = contexts.make("here", *arguments)
    node.create_publisher(String, "fast", QoSProfile(depth=10), qos_overriding_options=DEFAULT)
    subscription = node.create_subscription(
        String, "fast", lambda message: None, QoSProfile(depth=10), qos_overriding_options=DEFAULT
    )
    contexts.until(lambda: node.count_publishers("fast") and node.count_subscribers("fast"))
    assert offered(node, "/fast").reliability == BEST_EFFORT and wished(node, "/fast").reliability == RELIABLE
    assert subscription.qos_profile.depth == 3 and subscription.topic_name == "/fast"
    assert subscription.topic == "fast"
    assert node.get_parameter("qos_overrides./fast.publisher.history").value == "keep_last"
    assert node.describe_parameter("qos_overrides./fast.publisher.reliability").read_only


def test_every_kind_of_policy_has_its_parameter(contexts: Any) -> None:
    kinds = [kind for kind in QoSPolicyKind if kind is not QoSPolicyKind.INVALID]
    profile = QoSProfile(depth=1, deadline=Duration(seconds=2), liveliness=LivelinessPolicy.AUTOMATIC)
    options = QoSOverridingOptions(kinds, entity_id="eye")
    node = contexts.make("here", *given("/slow.subscription_eye.durability", "transient_local"))
    node.create_subscription(String, "slow", lambda message: None, profile, qos_overriding_options=options)
    contexts.until(lambda: node.count_subscribers("slow"))
    found = node.get_parameters_by_prefix("qos_overrides./slow.subscription_eye")
    assert {name: each.value for name, each in found.items()} == {
        "durability": "transient_local",
        "deadline": 2_000_000_000,
        "liveliness": "automatic",
        "reliability": "reliable",
        "history": "keep_last",
        "depth": 1,
        "liveliness_lease_duration": found["liveliness_lease_duration"].value,
        "avoid_ros_namespace_conventions": False,
    }
    assert wished(node, "/slow").durability == LATCHED and wished(node, "/slow").deadline == Duration(seconds=2)


def test_wrong_overrides_are_refused(contexts: Any) -> None:
    node = contexts.make("here", *given("/a.publisher.reliability", "hopeful"))
    with pytest.raises(RuntimeError, match="hopeful"):
        node.create_publisher(String, "a", QoSProfile(depth=1), qos_overriding_options=DEFAULT)
    picky = QoSOverridingOptions.with_default_policies(
        callback=lambda profile: SetParametersResult(successful=profile.depth > 5, reason="too shallow")
    )
    with pytest.raises(InvalidQosOverridesError, match="too shallow"):
        node.create_publisher(String, "b", QoSProfile(depth=1), qos_overriding_options=picky)
    assert node.create_publisher(String, "c", QoSProfile(depth=9), qos_overriding_options=picky).topic_name == "/c"


@pytest.mark.parametrize(
    ("reliability", "durability"), [(BEST_EFFORT, VOLATILE), (RELIABLE, VOLATILE), (RELIABLE, LATCHED)]
)
def test_best_available_takes_what_the_publishers_offer(contexts: Any, reliability: Any, durability: Any) -> None:
    here, there = contexts.make("here"), contexts.make("there")
    profile = QoSProfile(depth=1, reliability=reliability, durability=durability, deadline=Duration(seconds=3))
    publisher, got = there.create_publisher(String, "word", profile), list[String]()
    contexts.until(lambda: here.get_publishers_info_by_topic("word"))
    here.create_subscription(String, "word", got.append, qos_profile_best_available)
    contexts.until(lambda: here.count_subscribers("word"))
    wish = wished(here, "/word")
    assert (wish.reliability, wish.durability) == (reliability, durability) and wish.deadline == Duration(seconds=3)
    contexts.until(lambda: publisher.publish(String(data="heard")) or got)


def test_best_available_offers_the_most(contexts: Any) -> None:
    here = contexts.make("here")
    here.create_publisher(String, "word", QoSPresetProfiles.get_from_short_key("best_available"))
    contexts.until(lambda: here.count_publishers("word"))
    offer = offered(here, "/word")
    assert (offer.reliability, offer.durability) == (RELIABLE, LATCHED)
    assert offer.liveliness == LivelinessPolicy.AUTOMATIC and qos_profile_best_available.depth == 10
