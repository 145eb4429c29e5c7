"""Messages of a robot in, frames of the contract out: for a live stream and for a recording alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message

from robot_wm.actions import displacement
from robot_wm.contract import Contract
from robot_wm.data.alignment import Aligned, Aligner, Losses
from robot_wm.errors import ContractError, RobotWmError
from robot_wm.kinematics import Arm, interpolate_pose
from robot_wm.signals import ACTION, PLAN, STATE, Signal
from ros_nodes.conversions import Plan, arm_state_from, image_to_array, message_to_plan
from ros_nodes.message_text import message_class
from ros_nodes.robot_config import RobotConfig


@dataclass(frozen=True)
class Frame:
    """One frame.

    Attributes:
        stamp_ns: Stamp of the first camera's image.
        images: By camera, uint8 (H, W, 3).
        state: float32 (8,), measured.
        command: float32 (8,), pose and opening that were commanded for one step later; None where the action is what
            was measured.
        run: Frames of one run follow each other at the contract's step.
        by_person: Whether a person was in control; known of recordings only.
    """

    stamp_ns: int
    images: dict[str, np.ndarray]
    state: np.ndarray
    command: np.ndarray | None
    run: int
    by_person: bool = False

    @property
    def stamp_s(self) -> float:
        """The stamp in seconds."""
        return self.stamp_ns * 1e-9


class ObservationStream:
    """Aligns and decodes the messages of a robot's topics.

    Args:
        contract: What a frame is.
        robot: Where the signals are found on this robot, and its kinematics.
        namespace: Of the robot's topics.

    Attributes:
        signals: Full name of each signal's topic.
        topics: Full names of the topics that are needed, with the first signal that each makes.
        refused: Why messages were left out that do not fit the contract or the robot, and how many times.

    Raises:
        ContractError: Contract and robot have other frames.
    """

    def __init__(self, contract: Contract, robot: RobotConfig, namespace: str = "") -> None:
        ours, theirs = (robot.base_frame, robot.ee_frame), (contract.base_frame, contract.ee_frame)
        if ours != theirs:
            raise ContractError(
                f"robot '{robot.name}' has the frames {ours}, contract '{contract.name}' {theirs}; name the robot that "
                "was recorded"
            )
        self.contract, self._robot = contract, robot
        self._arm: Arm = robot.arm()
        self._aligner: Aligner[Any] = Aligner(contract)
        self._cameras = {camera.name: camera for camera in contract.cameras}
        self._holes = 0
        self.refused: Counter[str] = Counter()
        self.signals = {name: self._full(signal, namespace) for name, signal in contract.streams.items()}
        self._has_plans = contract.streams[ACTION].type == PLAN
        self.topics = {topic: contract.streams[name] for name, topic in reversed(self.signals.items())}

    @property
    def losses(self) -> Losses:
        """What did not become part of a frame so far."""
        return self._aligner.losses

    def push(self, topic: str, message: Any) -> list[Frame]:
        """Takes one message; returns the frames that are complete now."""
        stamp = message.header.stamp
        stamp_ns = int(stamp.sec) * 10**9 + int(stamp.nanosec)
        frames = []
        for name, its_topic in self.signals.items():
            if its_topic == topic:
                frames += self._aligner.push(name, stamp_ns, message)
        return self._frames(frames)

    def push_serialized(self, topic: str, payload: bytes) -> list[Frame]:
        """Takes one message as it stands in a recording; one that cannot be decoded is refused."""
        try:
            message = deserialize_message(payload, message_class(self.topics[topic].type))
        except Exception as error:  # whatever rclpy or its stand-in raises for bytes that are no message
            self.refused[f"{topic}: a message cannot be decoded: {error}"] += 1
            return []
        return self.push(topic, message)

    def finish(self) -> list[Frame]:
        """The frames that are left when nothing more comes."""
        return self._frames(self._aligner.finish())

    def _full(self, signal: Signal, namespace: str) -> str:
        topics, prefix = self._robot.topics, f"/{namespace.strip('/')}" if namespace.strip("/") else ""
        name = signal.topic
        if signal.name in self._cameras:
            name = topics.camera(self._cameras[signal.name]).image
        elif signal.name == STATE and not self.contract.signals:
            name = topics.joint_states
        return name if name.startswith("/") else f"{prefix}/{name}"

    def _frames(self, aligned: Iterable[Aligned[Any]]) -> list[Frame]:
        """A frame whose messages do not fit ends its run."""
        frames = []
        for each in aligned:
            try:
                frames.append(self._decode(each))
            except RobotWmError as error:
                self.refused[str(error)] += 1
                self._holes += 1
        return frames

    def _decode(self, aligned: Aligned[Any]) -> Frame:
        images = {
            name: image_to_array(aligned.values[name], camera, self.signals[name])
            for name, camera in self._cameras.items()
        }
        state = self._state(aligned.values[STATE])
        command = None
        if self._has_plans:
            contract, topic = self.contract, self.signals[ACTION]
            plan = message_to_plan(aligned.values[ACTION], contract.base_frame, contract.ee_frame, topic)
            command = commanded(plan, aligned.stamp_ns * 1e-9 + contract.step_s, state)
        return Frame(aligned.stamp_ns, images, state, command, aligned.run + self._holes)

    def _state(self, message: Any) -> np.ndarray:
        joints, opening = arm_state_from(message, self._robot, self.signals[STATE])
        return np.append(self._arm.forward(joints), opening).astype(np.float32)


def commanded(plan: Plan, time_s: float, state: np.ndarray) -> np.ndarray:
    """The pose and opening float32 (8,) that a plan wants at a time; those of `state` (8,) where it says "stop"."""
    if not len(plan.times_s):
        return state
    due = plan.stamp_s + plan.times_s
    after = int(np.searchsorted(due, time_s - 1e-6))  # a step's end and a pose's time differ by rounding only
    if after == 0 or after == len(due) or due[after] - time_s < 1e-6:
        at = min(after, len(due) - 1)
        return np.append(plan.poses[at], plan.openings[at]).astype(np.float32)
    share = (time_s - due[after - 1]) / (due[after] - due[after - 1])
    pose = interpolate_pose(plan.poses[after - 1], plan.poses[after], float(share))
    return np.append(pose, plan.openings[after]).astype(np.float32)


def actions_of(frames: list[Frame], contract: Contract) -> np.ndarray:
    """The actions float32 (T - 1 or T, 7) of frames in a run; measured ones exist between two frames only.

    A dimension that the contract fixes has its fixed value; all others are as they were, also beyond the bounds.
    """
    if frames[0].command is None:
        pairs = zip(frames, frames[1:], strict=False)
        rows = [displacement(frame.state, following.state) for frame, following in pairs]
    else:
        rows = [displacement(frame.state, frame.command) for frame in frames if frame.command is not None]
    actions = np.array(rows, np.float32).reshape(-1, 7)
    low, high = np.array(contract.action_low, np.float32), np.array(contract.action_high, np.float32)
    actions[:, low == high] = low[low == high]
    return actions
