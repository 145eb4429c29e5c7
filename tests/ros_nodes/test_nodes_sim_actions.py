"""sim_node's actions, as a ros2_control robot has them: goals, refusals, replacement, tolerances, cancel and hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("pybullet")
pytest.importorskip("pinocchio")

from action_msgs.msg import GoalStatus
from control_msgs.action import FollowJointTrajectory, GripperCommand
from control_msgs.msg import JointTolerance, JointTrajectoryControllerState
from rclpy.action import ActionClient
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ros_nodes.conversions import duration, joints_from
from ros_nodes.qos import LATEST
from ros_nodes.robot_config import RobotConfig

ROBOT = RobotConfig.load("panda_sim")
ARM, GRIPPER = "joint_trajectory_controller/follow_joint_trajectory", "gripper_controller/gripper_cmd"
Result = FollowJointTrajectory.Result


class Robot:
    """A client of the simulated robot."""

    def __init__(self, processes: Any, peer: Any) -> None:
        self.processes, self.peer = processes, peer
        self.states = peer.watch(JointState, "joint_states", LATEST)
        self.controller = peer.watch(JointTrajectoryControllerState, "joint_trajectory_controller/controller_state", 10)
        self.trajectories = peer.node.create_publisher(
            JointTrajectory, "joint_trajectory_controller/joint_trajectory", LATEST
        )
        processes.start("sim_node")
        peer.until_active("sim_node", what=lambda: processes.log("sim_node"))
        self._arm = ActionClient(peer.node, FollowJointTrajectory, ARM)
        self._gripper = ActionClient(peer.node, GripperCommand, GRIPPER)
        self.feedback: list[Any] = []
        peer.until(lambda: self._arm.server_is_ready() and self._gripper.server_is_ready() and self.states)

    def joints(self) -> np.ndarray:
        return joints_from(self.states[-1][1], ROBOT.joints, "joint_states")

    def fingers(self) -> float:
        return float(np.mean(joints_from(self.states[-1][1], ROBOT.gripper.joints, "joint_states")))

    def trajectory(self, offset: float, seconds: float, **changes: Any) -> JointTrajectory:
        """From where the arm is, the first joint by `offset` in so many seconds, at rest at the end."""
        target = self.joints()
        target[0] += offset
        point = JointTrajectoryPoint(
            positions=target.tolist(), velocities=[0.0] * len(target), time_from_start=duration(seconds)
        )
        return JointTrajectory(**({"joint_names": list(ROBOT.joints), "points": [point]} | changes))

    def wait(self, future: Any) -> Any:
        self.peer.until(future.done, 20.0, lambda: self.processes.log("sim_node")[-2000:])
        return future.result()

    def send(self, trajectory: JointTrajectory, **fields: Any) -> Any:
        """Sends a goal and returns its handle."""
        goal = FollowJointTrajectory.Goal(trajectory=trajectory, **fields)
        return self.wait(self._arm.send_goal_async(goal, feedback_callback=self.feedback.append))

    def grip(self, position: float) -> Any:
        goal = GripperCommand.Goal()
        goal.command.position, goal.command.max_effort = position, 5.0
        return self.wait(self._gripper.send_goal_async(goal))

    def result(self, handle: Any) -> Any:
        """Status and result of a goal."""
        return self.wait(handle.get_result_async())


@pytest.fixture(scope="module")
def robot(lasting_processes: Any, lasting_peer: Any) -> Robot:
    return Robot(lasting_processes, lasting_peer)


def test_a_goal_is_reached_with_feedback_and_state_on_the_way(robot: Robot) -> None:
    start = robot.joints()
    robot.feedback.clear()
    handle = robot.send(robot.trajectory(0.2, 0.6))
    assert handle.accepted
    answer = robot.result(handle)
    assert answer.status == GoalStatus.STATUS_SUCCEEDED
    assert (answer.result.error_code, answer.result.error_string) == (Result.SUCCESSFUL, "Goal successfully reached!")
    assert robot.joints()[0] == pytest.approx(start[0] + 0.2, abs=0.06)
    feedback = [message.feedback for message in robot.feedback]
    assert len(feedback) >= 3 and list(feedback[0].joint_names) == list(ROBOT.joints)
    between = [message.desired.positions[0] - start[0] for message in feedback]
    assert between == sorted(between) and 0.0 <= between[0] < between[-1] <= 0.21
    state = robot.controller[-1][1]
    np.testing.assert_allclose(
        np.array(state.error.positions), np.subtract(state.reference.positions, state.feedback.positions), atol=1e-9
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"joint_names": list(ROBOT.joints[:3])}, "this controller moves"),
        ({"points": []}, "no points"),
        ({"points": [JointTrajectoryPoint(positions=[0.0] * 7, effort=[1.0] * 7)]}, "points have efforts"),
        ({"joint_names": [*ROBOT.joints[:6], "elbow"]}, "'elbow'"),
    ],
)
def test_goals_that_cannot_be_done_are_refused_with_the_reason(robot: Robot, change: dict, words: str) -> None:
    handle = robot.send(robot.trajectory(0.1, 0.5, **change))
    assert not handle.accepted
    robot.peer.until(lambda: words in robot.processes.log("sim_node"))


def test_a_new_goal_aborts_the_earlier_one(robot: Robot) -> None:
    earlier = robot.send(robot.trajectory(0.3, 5.0))
    later = robot.send(robot.trajectory(-0.1, 0.5))
    answer = robot.result(earlier)
    assert answer.status == GoalStatus.STATUS_ABORTED and answer.result.error_code == Result.INVALID_GOAL
    assert "preempted" in answer.result.error_string
    assert robot.result(later).status == GoalStatus.STATUS_SUCCEEDED


def test_cancel_holds_where_the_arm_is(robot: Robot) -> None:
    start = robot.joints()
    handle = robot.send(robot.trajectory(0.8, 4.0))
    robot.peer.until(lambda: robot.joints()[0] > start[0] + 0.05)
    assert len(robot.wait(handle.cancel_goal_async()).goals_canceling) == 1
    assert robot.result(handle).status == GoalStatus.STATUS_CANCELED
    held = robot.controller[-1][1].reference.positions[0]
    seen = len(robot.controller)
    robot.peer.until(lambda: len(robot.controller) > seen + 10)
    assert robot.controller[-1][1].reference.positions[0] == pytest.approx(held, abs=0.03)
    assert robot.joints()[0] < start[0] + 0.5


def test_a_path_tolerance_that_is_left_aborts_and_says_which_joint(robot: Robot) -> None:
    tight = [JointTolerance(name=ROBOT.joints[0], position=1e-4)]
    answer = robot.result(robot.send(robot.trajectory(0.4, 0.4), path_tolerance=tight))
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.error_code == Result.PATH_TOLERANCE_VIOLATED
    assert f"position error of {ROBOT.joints[0]}" in answer.result.error_string


def test_a_goal_that_is_not_reached_in_time_is_aborted(robot: Robot) -> None:
    """A velocity that the arm does not have at once: 0.3 rad in 20 ms, with 50 ms of grace."""
    tight = [JointTolerance(name=name, position=1e-5, velocity=1e-5) for name in ROBOT.joints]
    free = [JointTolerance(name=name, position=-1.0) for name in ROBOT.joints]
    answer = robot.result(
        robot.send(
            robot.trajectory(0.3, 0.02), path_tolerance=free, goal_tolerance=tight, goal_time_tolerance=duration(0.05)
        )
    )
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.error_code == Result.GOAL_TOLERANCE_VIOLATED
    assert "goal_time_tolerance" in answer.result.error_string


def test_the_topic_replaces_the_points_of_a_goal(robot: Robot) -> None:
    start = robot.joints()
    handle = robot.send(robot.trajectory(0.5, 3.0))
    replacement = robot.trajectory(0.0, 0.5)
    robot.trajectories.publish(replacement)
    assert robot.result(handle).status == GoalStatus.STATUS_SUCCEEDED
    assert robot.joints()[0] == pytest.approx(start[0], abs=0.08)


def test_the_gripper_opens_and_closes(robot: Robot) -> None:
    for position in (ROBOT.gripper.open, ROBOT.gripper.closed):
        answer = robot.result(robot.grip(position))
        assert answer.status == GoalStatus.STATUS_SUCCEEDED and answer.result.reached_goal
        assert not answer.result.stalled
        assert answer.result.position == pytest.approx(position, abs=0.002)
        assert robot.fingers() == pytest.approx(position, abs=0.002)


def test_the_gripper_refuses_what_is_out_of_its_travel(robot: Robot) -> None:
    assert not robot.grip(0.5).accepted
    robot.peer.until(lambda: "a joint position from 0.0 to 0.04" in robot.processes.log("sim_node"))


def test_deactivation_aborts_the_goal_and_refuses_others(robot: Robot) -> None:
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    change = robot.peer.node.create_client(ChangeState, "sim_node/change_state")
    assert change.wait_for_service(timeout_sec=10.0)
    handle = robot.send(robot.trajectory(0.3, 5.0))
    for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVATE):
        request = ChangeState.Request()
        request.transition.id = transition
        assert robot.wait(change.call_async(request)).success
        if transition == Transition.TRANSITION_DEACTIVATE:
            answer = robot.result(handle)
            assert answer.status == GoalStatus.STATUS_ABORTED and "deactivate" in answer.result.error_string
            assert not robot.send(robot.trajectory(0.1, 0.5)).accepted
    assert robot.result(robot.send(robot.trajectory(0.05, 0.3))).status == GoalStatus.STATUS_SUCCEEDED
