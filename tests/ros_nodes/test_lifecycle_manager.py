"""The lifecycle manager with real nodes as processes: up in order, down in reverse, failures named, restarts healed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)

pytest.importorskip("mcap", reason="the recorder, which the manager leads up here, needs it")

NAMES = ["recorder_node", "perception_node"]


@pytest.fixture
def start(processes: Any, tmp_path: Path) -> Callable[..., None]:
    """Starts a node that waits for the manager."""

    def start_one(name: str, **parameters: Any) -> None:
        own = {"folder": tmp_path / "bags"} if name == "recorder_node" else {}
        processes.start(name, autostart=False, **own, **parameters)

    return start_one


@pytest.fixture
def managed(start: Callable[..., None], processes: Any, peer: Any) -> Iterator[Any]:
    """The manager and its two nodes, all active."""
    for name in NAMES:
        start(name)
    processes.start("lifecycle_manager", node_names=f"[{', '.join(NAMES)}]", watch_period_s=0.2, autostart=True)
    peer.until_health("lifecycle_manager", "all nodes are active", what=lambda: processes.log("lifecycle_manager"))
    yield processes


def stage(peer: Any, node: str) -> str:
    return peer.health.get(node, {}).get("lifecycle", "")


def steps(processes: Any) -> list[str]:
    """What the manager asked for, in order."""
    return re.findall(r"(\w+: (?:configure|activate|deactivate|cleanup))\n", processes.log("lifecycle_manager"))


def test_up_in_order_and_every_request(managed: Any, peer: Any) -> None:
    first, second = NAMES
    assert steps(managed) == [
        *(f"{name}: configure" for name in NAMES),
        *(f"{name}: activate" for name in NAMES),
    ]
    assert peer.trigger("lifecycle_manager/is_active").success
    assert peer.trigger("lifecycle_manager/pause").success
    peer.until(lambda: all(stage(peer, name) == "inactive" for name in NAMES))
    assert steps(managed)[4:] == [f"{second}: deactivate", f"{first}: deactivate"]
    answer = peer.trigger("lifecycle_manager/is_active")
    assert not answer.success and f"{first} is inactive" in answer.message
    assert peer.trigger("lifecycle_manager/resume").success
    peer.until_active(*NAMES)
    assert peer.trigger("lifecycle_manager/reset").success
    assert steps(managed)[-4:] == [
        *(f"{name}: deactivate" for name in reversed(NAMES)),
        *(f"{name}: cleanup" for name in reversed(NAMES)),
    ]
    refused = peer.trigger("lifecycle_manager/resume")
    assert not refused.success and "call startup instead" in refused.message
    assert peer.trigger("lifecycle_manager/startup", 40.0).success
    assert peer.trigger("lifecycle_manager/shutdown").success
    peer.until(lambda: all(stage(peer, name) == "finalized" for name in NAMES))
    gone = peer.trigger("lifecycle_manager/startup")
    assert not gone.success and "finalized; start its process again" in gone.message


def test_a_node_that_was_killed_is_brought_back(managed: Any, start: Callable[..., None], peer: Any) -> None:
    managed.kill("perception_node")
    peer.until_health("lifecycle_manager", "perception_node is not there")
    assert stage(peer, "recorder_node") == "active"
    peer.health.pop("perception_node", None)
    start("perception_node")
    peer.until_active("perception_node")
    peer.until_health("lifecycle_manager", "all nodes are active")
    assert peer.trigger("lifecycle_manager/is_active").success


def test_a_node_that_dies_again_and_again_is_brought_back_ever_later(
    managed: Any, start: Callable[..., None], peer: Any
) -> None:
    for deaths in (1, 2):
        managed.kill("perception_node")
        peer.until_health("lifecycle_manager", "perception_node is not there")
        peer.health.pop("perception_node", None)
        start("perception_node")
        peer.until_active("perception_node")
        peer.until_health("lifecycle_manager", "all nodes are active")
        waits = re.findall(r"there again; it is brought up in ([\d.]+) s", managed.log("lifecycle_manager"))
        assert waits[-deaths:] == ["0", "2"][:deaths]


def test_what_was_stopped_by_hand_stays_stopped(managed: Any, peer: Any) -> None:
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    down = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_DEACTIVATE))
    assert peer.call(ChangeState, "recorder_node/change_state", down).success
    peer.until(lambda: not peer.trigger("lifecycle_manager/is_active").success)
    asked = len(steps(managed))
    seen = time.monotonic()
    peer.until(lambda: time.monotonic() > seen + 1.0)
    assert stage(peer, "recorder_node") == "inactive" and len(steps(managed)) == asked


def test_a_node_that_cannot_be_configured_is_named(
    start: Callable[..., None], processes: Any, peer: Any, tmp_path: Path
) -> None:
    start("perception_node", bundle=tmp_path / "nowhere")
    start("recorder_node")
    processes.start("lifecycle_manager", node_names="[recorder_node, perception_node]", autostart=True)
    peer.until_health("lifecycle_manager", "perception_node could not configure; its own log says why")
    assert "ros2 service call /lifecycle_manager/startup" in peer.health["lifecycle_manager"]["message"]
    peer.until(lambda: stage(peer, "recorder_node") == "inactive")
    peer.until_health("perception_node", "cannot configure")


def test_the_manager_brings_all_down_when_it_ends(managed: Any, peer: Any) -> None:
    managed.interrupt("lifecycle_manager")
    peer.until(lambda: all(stage(peer, name) == "finalized" for name in NAMES))


def test_in_a_namespace(start: Callable[..., None], processes: Any, peer: Any) -> None:
    for name in NAMES:
        start(name, namespace="left")
    processes.start("lifecycle_manager", namespace="left", node_names=f"[{', '.join(NAMES)}]")
    peer.until_health("left/lifecycle_manager", "all nodes are active")
    peer.until_active(*(f"left/{name}" for name in NAMES))
    assert peer.trigger("left/lifecycle_manager/is_active").success


def test_node_names_must_be_given(processes: Any, peer: Any) -> None:
    processes.start("lifecycle_manager")
    peer.until(lambda: not processes.is_running("lifecycle_manager"))
    assert "'node_names' is []; give each node once" in processes.log("lifecycle_manager")
