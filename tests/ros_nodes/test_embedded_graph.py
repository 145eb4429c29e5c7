"""The graph as one node sees the others, quality of service, and what is said about faults in it."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

import rclpy  # noqa: F401  # isort: skip
from rclpy.duration import Duration
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.node import NodeNameNonExistentError
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSCompatibility,
    QoSPresetProfiles,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.topic_endpoint_info import TopicEndpointTypeEnum
from std_msgs.msg import Int32, String
from std_srvs.srv import SetBool, Trigger

STRING_HASH = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"
SAID_WITHIN_S = 2.0
only_embedded = pytest.mark.skipif(
    importlib.util.find_spec("rclpy.impl.graph_checks") is None, reason="a real rclpy has words of its own, or none"
)


@pytest.fixture
def here(contexts: Any) -> Any:
    """The node that asks."""
    return contexts.make("here")


@pytest.fixture
def there(contexts: Any) -> Any:
    """The node that is asked about, in another participant."""
    node = contexts.make("there", namespace="/far")
    node.create_publisher(String, "said", QoSProfile(depth=7, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    node.create_subscription(String, "/heard", lambda message: None, 5)
    node.create_service(Trigger, "serve", lambda request, response: response)
    node.create_client(SetBool, "/call")
    return node


def found(contexts: Any, ask: Callable[[], Any], wanted: Any) -> None:
    """Waits until discovery has brought what is wanted."""
    contexts.until(lambda: wanted in ask())


def test_what_a_node_has(contexts: Any, here: Any, there: Any) -> None:
    assert here.wait_for_node("/far/there", 20.0)
    string, trigger, set_bool = ["std_msgs/msg/String"], ["std_srvs/srv/Trigger"], ["std_srvs/srv/SetBool"]
    asked = "there", "/far"
    found(contexts, lambda: here.get_publisher_names_and_types_by_node(*asked), ("/far/said", string))
    found(contexts, lambda: here.get_subscriber_names_and_types_by_node(*asked), ("/heard", string))
    found(contexts, lambda: here.get_service_names_and_types_by_node(*asked), ("/far/serve", trigger))
    found(contexts, lambda: here.get_client_names_and_types_by_node(*asked), ("/call", set_bool))
    assert ("/heard", string) not in here.get_publisher_names_and_types_by_node(*asked)
    assert ("/call", set_bool) not in here.get_service_names_and_types_by_node(*asked)
    raw = here.get_publisher_names_and_types_by_node(*asked, no_demangle=True)
    assert any("far/said" in name for name, _ in raw)
    with pytest.raises(NodeNameNonExistentError):
        here.get_publisher_names_and_types_by_node("nobody", "/")


def test_names_and_counts(contexts: Any, here: Any, there: Any) -> None:
    found(contexts, here.get_topic_names_and_types, ("/far/said", ["std_msgs/msg/String"]))
    found(contexts, here.get_service_names_and_types, ("/far/serve", ["std_srvs/srv/Trigger"]))
    found(contexts, here.get_fully_qualified_node_names, "/far/there")
    client = here.create_client(Trigger, "/far/serve")
    contexts.until(lambda: there.count_clients("serve") == 1 and here.count_services("/far/serve") == 1)
    contexts.until(lambda: here.count_subscribers("/heard") == 1 and here.count_publishers("/heard") == 0)
    assert here.count_services("/call") == 0
    contexts.until(lambda: here.count_clients("/call") == 1)
    here.destroy_client(client)
    contexts.until(lambda: there.count_clients("serve") == 0)


def test_a_missing_node_is_not_waited_for_longer_than_told(here: Any) -> None:
    start = time.monotonic()
    assert not here.wait_for_node("/nobody", 0.3)
    assert 0.3 <= time.monotonic() - start < 5.0
    assert here.wait_for_node("here", 5.0)


def test_endpoint_infos(contexts: Any, here: Any, there: Any) -> None:
    info = contexts.until(
        lambda: [one for one in here.get_publishers_info_by_topic("/far/said") if one.node_name == "there"]
    )
    [one] = info
    assert (one.node_namespace, one.topic_type) == ("/far", "std_msgs/msg/String")
    assert str(one.topic_type_hash) == STRING_HASH
    assert one.endpoint_type == TopicEndpointTypeEnum.PUBLISHER
    assert len(one.endpoint_gid) == 16
    assert one.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert one.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    text = str(one)
    for line in (
        "Node name: there",
        "Endpoint type: PUBLISHER",
        "  Durability: TRANSIENT_LOCAL",
        "  Deadline: Infinite",
    ):
        assert line in text.splitlines()
    [other] = contexts.until(lambda: here.get_subscriptions_info_by_topic("/heard"))
    assert other.endpoint_type == TopicEndpointTypeEnum.SUBSCRIPTION
    assert here.get_publishers_info_by_topic("/heard") == []


def test_profile_of_a_peer_is_the_one_it_was_made_with(contexts: Any, here: Any, there: Any) -> None:
    profile = QoSProfile(
        depth=3,
        reliability=ReliabilityPolicy.BEST_EFFORT,
        deadline=Duration(seconds=2),
        lifespan=Duration(seconds=3),
        liveliness=LivelinessPolicy.MANUAL_BY_TOPIC,
        liveliness_lease_duration=Duration(seconds=4),
    )
    there.create_publisher(String, "/tuned", profile)
    [one] = contexts.until(lambda: here.get_publishers_info_by_topic("/tuned"))
    seen = one.qos_profile
    assert (seen.reliability, seen.durability) == (ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE)
    assert (seen.deadline, seen.lifespan) == (Duration(seconds=2), Duration(seconds=3))
    assert (seen.liveliness, seen.liveliness_lease_duration) == (LivelinessPolicy.MANUAL_BY_TOPIC, Duration(seconds=4))


RELIABLE, BEST_EFFORT = QoSProfile(depth=1), QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
FAST = QoSProfile(depth=1, deadline=Duration(seconds=1))
MANUAL = QoSProfile(depth=1, liveliness=LivelinessPolicy.MANUAL_BY_TOPIC)
AUTOMATIC = QoSProfile(depth=1, liveliness=LivelinessPolicy.AUTOMATIC)


@pytest.mark.parametrize(
    ("offered", "requested", "verdict"),
    [
        (AUTOMATIC, AUTOMATIC, QoSCompatibility.OK),
        (BEST_EFFORT, RELIABLE, QoSCompatibility.ERROR),
        (RELIABLE, LATCHED, QoSCompatibility.ERROR),
        (RELIABLE, FAST, QoSCompatibility.ERROR),
        (AUTOMATIC, MANUAL, QoSCompatibility.ERROR),
        (MANUAL, AUTOMATIC, QoSCompatibility.OK),
        (QoSPresetProfiles.SYSTEM_DEFAULT.value, AUTOMATIC, QoSCompatibility.WARNING),
    ],
)
def test_compatibility(offered: QoSProfile, requested: QoSProfile, verdict: QoSCompatibility) -> None:
    found, reason = qos_check_compatible(offered, requested)
    assert found == verdict
    assert bool(reason) == (verdict != QoSCompatibility.OK)


def test_short_names_of_policies_and_presets() -> None:
    assert HistoryPolicy.KEEP_LAST.short_key == "keep_last"
    assert "best_effort" in ReliabilityPolicy.short_keys()
    assert ReliabilityPolicy.get_from_short_key("Best_Effort") == ReliabilityPolicy.BEST_EFFORT
    assert QoSPresetProfiles.get_from_short_key("sensor_data").reliability == ReliabilityPolicy.BEST_EFFORT


def test_missed_deadline_is_told_on_both_sides(contexts: Any, here: Any, there: Any) -> None:
    missed: list[tuple[str, int]] = []
    profile = QoSProfile(depth=1, deadline=Duration(seconds=0.1))
    publisher = there.create_publisher(
        String,
        "/due",
        profile,
        event_callbacks=PublisherEventCallbacks(deadline=lambda info: missed.append(("publisher", info.total_count))),
    )
    here.create_subscription(
        String,
        "/due",
        lambda message: None,
        profile,
        event_callbacks=SubscriptionEventCallbacks(
            deadline=lambda info: missed.append(("subscription", info.total_count))
        ),
    )
    contexts.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(String(data="once"))
    contexts.until(lambda: {who for who, count in missed if count >= 1} == {"publisher", "subscription"})


def test_liveliness_is_kept_lost_and_found_again(contexts: Any, here: Any, there: Any) -> None:
    alive: list[tuple[int, int]] = []
    profile = QoSProfile(
        depth=1, liveliness=LivelinessPolicy.MANUAL_BY_TOPIC, liveliness_lease_duration=Duration(seconds=1.0)
    )
    publisher = there.create_publisher(String, "/pulse", profile)
    here.create_subscription(
        String,
        "/pulse",
        lambda message: None,
        profile,
        event_callbacks=SubscriptionEventCallbacks(
            liveliness=lambda info: alive.append((info.alive_count, info.not_alive_count))
        ),
    )
    contexts.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(String())
    started = time.monotonic()

    def is_kept_alive_long_enough() -> bool:
        publisher.assert_liveliness()
        return time.monotonic() - started > 2.0

    contexts.until(is_kept_alive_long_enough)
    assert (0, 1) not in alive
    contexts.until(lambda: alive[-1] == (0, 1))
    lost = len(alive)
    publisher.publish(String())
    contexts.until(lambda: (1, 0) in alive[lost:])


def test_matching_is_told(contexts: Any, here: Any, there: Any) -> None:
    counts: list[int] = []
    callbacks = PublisherEventCallbacks(matched=lambda info: counts.append(info.current_count))
    here.create_publisher(String, "/met", 1, event_callbacks=callbacks)
    subscription = there.create_subscription(String, "/met", lambda message: None, 1)
    contexts.until(lambda: counts == [1])
    there.destroy_subscription(subscription)
    contexts.until(lambda: counts == [1, 0])


def test_stale_message_is_not_delivered_to_a_late_subscriber(contexts: Any, here: Any, there: Any) -> None:
    def latched(lifespan: Duration) -> QoSProfile:
        return QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL, lifespan=lifespan)

    there.create_publisher(String, "/short", latched(Duration(seconds=0.2))).publish(String(data="old"))
    there.create_publisher(String, "/long", latched(Duration(seconds=100))).publish(String(data="kept"))
    published = time.monotonic()
    contexts.until(lambda: time.monotonic() - published > 0.5)
    got: list[str] = []
    for topic in ("/short", "/long"):
        subscription = here.create_subscription(
            String, topic, lambda message: got.append(message.data), latched(Duration())
        )
        contexts.until(lambda one=subscription: one.get_publisher_count() == 1)
    contexts.until(lambda: got)
    assert got == ["kept"]


class Said:
    """What was logged, and when a part of it was first seen."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd, self.text = capfd, ""

    def holds(self, *parts: str) -> bool:
        """Whether one line has all of these."""
        self.text += self._capfd.readouterr().err
        return any(all(part in line for part in parts) for line in self.text.splitlines())


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Said:
    return Said(capfd)


def in_time(contexts: Any, condition: Callable[[], bool]) -> None:
    """Fails unless the condition holds soon enough for a person who looks at the log."""
    start = time.monotonic()
    contexts.until(condition)
    assert time.monotonic() - start < SAID_WITHIN_S


@only_embedded
def test_incompatible_qos_names_topic_node_and_remedy_on_both_sides(
    contexts: Any, here: Any, there: Any, said: Said
) -> None:
    assert here.wait_for_node("/far/there", 20.0)
    here.create_subscription(String, "/fast", lambda message: None, RELIABLE)
    there.create_publisher(String, "/fast", BEST_EFFORT)
    in_time(
        contexts, lambda: said.holds("[here]", "'/fast'", "RELIABILITY", "'/far/there'", "subscribe with BEST_EFFORT")
    )
    in_time(contexts, lambda: said.holds("[far.there]", "'/fast'", "RELIABILITY", "'/here'", "publish with RELIABLE"))
    assert said.text.count("[here]: New publisher discovered on topic '/fast'") == 1


@only_embedded
def test_own_callback_for_incompatible_qos_replaces_the_warning(
    contexts: Any, here: Any, there: Any, said: Said
) -> None:
    told: list[Any] = []
    callbacks = SubscriptionEventCallbacks(incompatible_qos=told.append)
    here.create_subscription(String, "/fast", lambda message: None, RELIABLE, event_callbacks=callbacks)
    there.create_publisher(String, "/fast", BEST_EFFORT)
    contexts.until(lambda: told and said.holds("[far.there]", "'/fast'"))
    assert told[0].total_count == 1
    assert not said.holds("[here]", "'/fast'")


@only_embedded
def test_wrong_type_names_topic_node_and_remedy(contexts: Any, here: Any, there: Any, said: Said) -> None:
    assert here.wait_for_node("/far/there", 20.0)
    here.create_subscription(Int32, "/mixed", lambda message: None, 1)
    there.create_publisher(String, "/mixed", 1)
    in_time(contexts, lambda: said.holds("[here]", "'/mixed'", "std_msgs/msg/String", "'/far/there'", "remap"))
    in_time(contexts, lambda: said.holds("[far.there]", "'/mixed'", "std_msgs/msg/Int32", "'/here'"))


@only_embedded
def test_wrong_service_type_is_said(contexts: Any, here: Any, there: Any, said: Said) -> None:
    client = here.create_client(SetBool, "/far/serve")
    contexts.until(lambda: said.holds("[here]", "service '/far/serve'", "std_srvs/srv/Trigger", "'/far/there'"))
    assert not client.service_is_ready()


@only_embedded
def test_an_endpoint_that_cannot_be_read_is_said_once_and_the_others_are_known(
    here: Any, there: Any, contexts: Any, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = here._graph._publications
    read = known._reader._constructor

    def picky(*arguments: Any) -> Any:
        if arguments[3].endswith("/secret"):
            raise ValueError("no words for it")
        return read(*arguments)

    monkeypatch.setattr(known._reader, "_constructor", known._never_raising(picky))
    for topic in ("/secret", "/also/secret", "/open"):
        there.create_publisher(String, topic, RELIABLE)
    contexts.until(lambda: here.count_publishers("/open") and known.unread == 2)
    assert here.count_publishers("/secret") == 0
    assert said.holds("ValueError: no words for it") and said.text.count("no words for it") == 1


def test_nothing_is_said_about_a_sound_graph(contexts: Any, here: Any, there: Any, said: Said) -> None:
    got: list[String] = []
    here.create_subscription(String, "/fine", got.append, RELIABLE)
    publisher = there.create_publisher(String, "/fine", RELIABLE)
    contexts.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(String(data="hello"))
    contexts.until(lambda: got)
    assert not said.holds("WARN")
