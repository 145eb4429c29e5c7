"""The gripper controller with fingers that something keeps apart: the goal ends as stalled, and the force goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pinocchio")
pytest.importorskip("rclpy")

import rclpy
from action_msgs.msg import GoalStatus
from control_msgs.action import GripperCommand
from rclpy.action import ActionClient
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from std_msgs.msg import Float64MultiArray

from ros_nodes.gripper_controller import STALL_TIMEOUT_S, GripperController
from ros_nodes.managed_node import ManagedNode
from ros_nodes.qos import LATEST
from ros_nodes.robot_config import RobotConfig

GRIPPER = RobotConfig.load("panda_sim").gripper
BLOCKED_AT = 0.5


class Fingers(ManagedNode):
    """Fingers that move two openings a second, and no further closed than `BLOCKED_AT`."""

    def __init__(self) -> None:
        super().__init__("fingers")
        self.opening, self.wanted = 1.0, 1.0

    def on_setup(self) -> None:
        group = MutuallyExclusiveCallbackGroup()
        self.controller = GripperController(self, "gripper_controller", GRIPPER, self.opening, group)
        self._release.append(self.controller.destroy)
        self.every(0.01, self._tick, group)

    def _tick(self) -> None:
        self.wanted = self.controller.update(self.opening, time.monotonic())
        step = float(np.clip(self.wanted - self.opening, -0.02, 0.02))
        self.opening = max(BLOCKED_AT, self.opening + step)


@pytest.fixture
def fingers(domain: int, spin: Callable[..., Any]) -> Fingers:
    rclpy.init(args=[], domain_id=domain)
    node = Fingers()
    node.trigger_configure()
    node.trigger_activate()
    return spin(node, threads=1)


class Hand:
    """Sends goals and waits for their results."""

    def __init__(self, peer: Any) -> None:
        self._peer, self.feedback = peer, list[Any]()
        self._client = ActionClient(peer.node, GripperCommand, "gripper_controller/gripper_cmd")
        peer.until(self._client.server_is_ready)

    def send(self, position: float) -> Any:
        goal = GripperCommand.Goal()
        goal.command.position, goal.command.max_effort = position, 12.0
        return self._wait(self._client.send_goal_async(goal, feedback_callback=self.feedback.append))

    def result(self, handle: Any) -> Any:
        return self._wait(handle.get_result_async())

    def _wait(self, future: Any) -> Any:
        self._peer.until(future.done, 10.0)
        return future.result()


def test_something_between_the_fingers_ends_the_goal_as_stalled(fingers: Fingers, peer: Any) -> None:
    hand, start = Hand(peer), time.monotonic()
    answer = hand.result(hand.send(GRIPPER.closed))
    assert time.monotonic() - start > STALL_TIMEOUT_S
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.stalled and not answer.result.reached_goal
    assert answer.result.position == pytest.approx(GRIPPER.positions(BLOCKED_AT)[0])
    assert answer.result.effort == 12.0
    assert fingers.wanted == 0.0
    assert hand.feedback and not hand.feedback[-1].feedback.stalled


def test_what_is_within_reach_is_reached(fingers: Fingers, peer: Any) -> None:
    hand = Hand(peer)
    answer = hand.result(hand.send(GRIPPER.positions(0.7)[0]))
    assert answer.status == GoalStatus.STATUS_SUCCEEDED and answer.result.reached_goal
    assert fingers.opening == pytest.approx(0.7, abs=0.03)


def test_a_new_goal_aborts_the_earlier_one_and_a_cancel_holds(fingers: Fingers, peer: Any) -> None:
    hand = Hand(peer)
    earlier = hand.send(GRIPPER.closed)
    later = hand.send(GRIPPER.closed)
    answer = hand.result(earlier)
    assert answer.status == GoalStatus.STATUS_ABORTED and not answer.result.stalled
    later.cancel_goal_async()
    assert hand.result(later).status == GoalStatus.STATUS_CANCELED
    peer.until(lambda: fingers.wanted >= BLOCKED_AT)
    assert fingers.wanted == pytest.approx(fingers.opening, abs=0.05)


def test_positions_on_the_topic_move_the_fingers(fingers: Fingers, peer: Any) -> None:
    commands = peer.node.create_publisher(Float64MultiArray, "gripper_controller/commands", LATEST)
    peer.until(lambda: commands.get_subscription_count() > 0)
    commands.publish(Float64MultiArray(data=[0.01]))
    commands.publish(Float64MultiArray(data=GRIPPER.positions(0.8)))
    peer.until(lambda: fingers.opening == pytest.approx(0.8, abs=0.01))
