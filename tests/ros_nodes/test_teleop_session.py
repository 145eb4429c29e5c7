"""A person's wishes become chunks only while the switch is held, without a jump and within the limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pinocchio")

import ros_nodes  # noqa: F401  (supplies rclpy where ROS is not installed)
from robot_wm.kinematics import pose_change
from ros_nodes.chunk_path import path_from
from ros_nodes.control_source import SILENCE_S, ControlSource, source_of
from ros_nodes.conversions import Plan
from ros_nodes.teleop_reference import Motion, Reference, TeleopLimits
from ros_nodes.teleop_session import STALL_S, TIMES_S, TeleopSession, Tool, Wish

LIMITS = TeleopLimits(low=(0.3, -0.3, 0.02), high=(0.7, 0.3, 0.4))
HERE = np.array([0.5, 0.0, 0.2, 1.0, 0.0, 0.0, 0.0])
TOOL = Tool(HERE, 0.4)
FORWARD = Motion(shares=np.array([1.0, 0, 0, 0, 0, 0]))
TICK_S = 0.02


def away(metres: float) -> np.ndarray:
    return HERE + np.array([metres, 0, 0, 0, 0, 0, 0])


def held(motion: Motion = FORWARD, device: str = "joy", opening: float | None = None) -> Wish:
    return Wish(device, True, motion, opening)


RELEASED = Wish("joy", False)


class Drive:
    """A session whose arm follows the reference perfectly."""

    def __init__(self, limits: TeleopLimits = LIMITS) -> None:
        self.session, self.now_s, self.pose = TeleopSession(limits), 100.0, HERE.copy()

    def step(self, *wishes: Wish, veto: str = "", follow: bool = True):
        self.now_s += TICK_S
        chunk = self.session.step(self.now_s, wishes, Tool(self.pose, 0.4), veto)
        if chunk is not None and len(chunk.poses) and follow:
            self.pose = Reference.ahead(self.session._reference, Motion(), np.array([0.0]))[0]
        return chunk


def test_nothing_is_sent_without_the_switch_and_stop_once_after_it() -> None:
    drive = Drive()
    assert drive.step(RELEASED) is None and drive.session.status == "released"
    first = drive.step(held())
    ways = first.poses[:, 0] - 0.5
    assert np.all(ways > 0.2 * 0.15 * TIMES_S) and np.all(ways < 0.15 * TIMES_S), "it comes up to speed"
    assert first.opening == 0.4, "taking over leaves the gripper as it was"
    assert drive.session.driver == "joy" and drive.session.status == "driving: joy"
    assert len(drive.step(RELEASED).poses) == 0
    assert drive.step(RELEASED) is None and drive.session.status == "released"


def test_speed_is_limited_whatever_the_device_asks_for() -> None:
    drive, before = Drive(), HERE
    wild = Motion(shares=np.array([5.0, 5.0, 0.0, 0.0, 0.0, 9.0]))
    drive.step(held(wild))
    speeds = []
    for _ in range(round(1.0 / TICK_S)):
        drive.step(held(wild))
        change = pose_change(before, drive.pose)
        assert np.linalg.norm(change[:3]) <= 0.15 * TICK_S + 1e-9 and np.linalg.norm(change[3:]) <= 0.5 * TICK_S + 1e-9
        speeds.append(np.linalg.norm(change[:3]) / TICK_S)
        before = drive.pose
    assert speeds[0] < 0.6 * 0.15 and np.all(np.diff(speeds) > -1e-9), "after a pause it comes up to speed"
    assert speeds[round(0.5 / TICK_S) :] == pytest.approx([0.15] * (len(speeds) - round(0.5 / TICK_S)), rel=1e-6)


def test_after_a_pause_it_comes_up_to_speed_again() -> None:
    drive = Drive()
    for _ in range(round(1.0 / TICK_S)):
        drive.step(held())
    before = drive.pose
    drive.step(held())
    assert drive.pose[0] - before[0] == pytest.approx(0.15 * TICK_S)
    drive.step(held(Motion(shares=np.zeros(6))))
    before = drive.pose
    drive.step(held())
    assert 0.0 < drive.pose[0] - before[0] < 0.6 * 0.15 * TICK_S


def test_a_pose_far_from_the_tool_is_refused_until_the_switch_is_let_go() -> None:
    drive = Drive()
    assert drive.step(held(Motion(pose=away(0.15)))) is None
    assert "0.15 m and 0.00 rad from the tool, at most 0.1 m" in drive.session.status and drive.session.is_warning
    assert drive.step(held(Motion(pose=away(0.05)))) is None, "coming nearer is not letting go"
    drive.step(RELEASED)
    first = drive.step(held(Motion(pose=away(0.05))))
    assert np.all(np.abs(first.poses[:, 0] - HERE[0]) <= 0.15 * TIMES_S + 1e-9)
    turned = HERE.copy()
    turned[3:] = [np.cos(0.3), np.sin(0.3), 0.0, 0.0]
    assert Drive().step(held(Motion(pose=turned))) is None
    assert Drive(replace(LIMITS, angular_speed=0.0)).step(held(Motion(pose=turned))) is not None


def test_once_driving_a_far_pose_is_approached_at_the_speed_limit() -> None:
    drive, last = Drive(), HERE
    drive.step(held(Motion(pose=HERE)))
    for _ in range(50):
        drive.step(held(Motion(pose=away(0.12))))
        assert drive.pose[0] - last[0] <= 0.15 * TICK_S + 1e-9
        last = drive.pose
    np.testing.assert_allclose(drive.pose, away(0.12), atol=1e-9)


def test_the_workspace_and_the_leash_hold_and_say_so() -> None:
    drive = Drive()
    for _ in range(100):
        chunk = drive.step(held(Motion(shares=np.array([0, 0, -1.0, 0, 0, 0]))))
    assert (
        chunk.poses[:, 2].min() == pytest.approx(0.02) and "z is at the limit of the workspace" in drive.session.status
    )
    blocked = Drive()
    for _ in range(100):
        chunk = blocked.step(held(), follow=False)
    assert chunk.poses[0, 0] <= 0.5 + LIMITS.leash_m + 0.15 * TIMES_S[0] + 1e-9
    assert "does not get any further" in blocked.session.status and blocked.session.is_warning


def test_from_outside_the_workspace_one_can_only_come_in() -> None:
    outside = np.array([0.9, 0.0, 0.2, 1.0, 0.0, 0.0, 0.0])
    reference = Reference(outside, LIMITS)
    reference.advance(FORWARD, 0.1, outside)
    assert reference.pose[0] == 0.9 and reference.limited
    reference.advance(Motion(shares=np.array([-1.0, 0, 0, 0, 0, 0])), 0.1, outside)
    assert 0.88 < reference.pose[0] < 0.899 and not reference.limited


def test_a_stop_of_safety_and_a_refusal_want_the_switch_let_go() -> None:
    drive = Drive()
    drive.step(held())
    assert len(drive.step(held(), veto="safety has stopped the robot: x").poses) == 0
    assert drive.step(held()) is None and "safety has stopped" in drive.session.status
    drive.step(RELEASED)
    assert drive.step(held()) is not None
    assert len(drive.step(replace(held(), refusal="no such frame")).poses) == 0
    assert drive.step(held()) is None and drive.session.status == "refused: no such frame"


def test_a_stall_and_lost_joint_states_end_driving() -> None:
    drive = Drive()
    drive.step(held())
    drive.now_s += STALL_S
    assert len(drive.step(held()).poses) == 0
    drive.step(held())
    assert len(drive.session.step(drive.now_s + TICK_S, [held()], None).poses) == 0
    assert drive.session.step(drive.now_s + 2 * TICK_S, [held()], None) is None
    assert "no joint states" in drive.session.status


def test_the_first_of_two_devices_drives_until_it_lets_go() -> None:
    drive, browser = Drive(), held(Motion(pose=HERE), "browser", opening=1.0)
    drive.step(RELEASED, held(device="twist"))
    assert drive.step(browser, held(device="twist")).opening == 0.4 and drive.session.driver == "twist"
    assert len(drive.step(browser, Wish("twist", False)).poses) == 0
    assert drive.step(browser, Wish("twist", False)).opening == 1.0 and drive.session.driver == "browser"


def test_control_goes_to_the_person_and_back_only_when_it_is_given() -> None:
    control = ControlSource()
    assert control.source == "planner" and not control.heed_person(True, 0.0)
    assert control.heed_person(False, 0.0) and source_of(str(control)) == "person"
    assert "let go first" in control.give_back() and control.source == "person"
    assert control.heed_person(True, 0.1) and control.source == "none"
    assert control.give_back() == "" and control.source == "planner"
    control.heed_person(False, 1.0)
    control.look(1.0 + SILENCE_S / 2)
    assert control.source == "person"
    control.look(1.01 + SILENCE_S)
    assert control.source == "none" and "silent" in control.reason
    assert control.give_back() == ""
    control.take()
    assert control.source == "none" and "control/take" in control.reason


def test_a_persons_chunk_is_not_caught_up_with_faster_than_it_moves() -> None:
    poses = np.array([away(0.03 + 0.15 * time_s) for time_s in TIMES_S])
    plan = Plan(100.0, TIMES_S, poses, np.zeros(len(TIMES_S)))
    person = path_from(HERE, 100.0, plan, 0.08, hastens=False)
    planner = path_from(HERE, 100.0, plan, 0.08)
    assert person is not None and planner is not None
    assert person.at(100.1)[0] - HERE[0] == pytest.approx(0.15 * 0.1, rel=1e-6)
    assert planner.at(100.1)[0] - HERE[0] == pytest.approx(0.045, rel=1e-6)
