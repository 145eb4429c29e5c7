"""`check_robot`: whether a robot's configuration is complete, fits its URDF and can do what a contract asks for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import numpy as np

from robot_wm.contract import Contract
from robot_wm.errors import RobotWmError
from robot_wm.kinematics import Arm, KinematicsError
from ros_nodes.finding import Finding
from ros_nodes.robot_config import RobotConfig
from ros_nodes.urdf import Urdf

_NAME = re.compile(r"[~/]?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")
"""A ROS name: words of letters, digits and underscores that do not begin with a digit, joined by slashes."""
_REACHED = 2e-3
"""Largest error of a workspace point that counts as reached, metres and radians."""


def check_robot(config: RobotConfig, contract: Contract | None = None) -> list[Finding]:
    """Findings about a robot; it is fit for use when none of them is "bad".

    Args:
        config: The robot.
        contract: What a model observes and does; with it, frames, cameras and workspace are checked too.
    """
    findings = [*_names(config), *_urdf(config), *_safety(config)]
    if contract is not None:
        findings += [*_frames(config, contract), *_cameras(config, contract), *_workspace(config, contract)]
    return findings


def _names(config: RobotConfig) -> Iterator[Finding]:
    names = {
        "command": config.command.endpoint.name,
        "gripper": config.gripper.endpoint.name,
        "topics: joint_states": config.topics.joint_states,
    }
    for camera, topics in config.topics.cameras.items():
        names |= {f"topics: {camera}: image": topics.image, f"topics: {camera}: info": topics.info}
    wrong = {key: name for key, name in names.items() if not _NAME.fullmatch(name)}
    for key, name in wrong.items():
        yield Finding(
            "bad", key, f"'{name}' is not a ROS name: letters, digits, _ and /, no word beginning with a digit"
        )
    absolute = sorted(key for key, name in names.items() if name.startswith("/"))
    if absolute:
        yield Finding("note", "names", f"{', '.join(absolute)} begin with '/': a second robot cannot have its own")
    frames = (config.base_frame, config.ee_frame, *(camera.frame for camera in config.topics.cameras.values()))
    for frame in [frame for frame in frames if frame.startswith("/") or " " in frame]:
        yield Finding("bad", "frames", f"'{frame}' is not a frame name: no leading '/' and no spaces")
    if not wrong:
        yield Finding("ok", "names", f"{len(names)} names of topics and actions are well formed")


def _urdf(config: RobotConfig) -> Iterator[Finding]:
    try:
        urdf = Urdf.parse(config.description.urdf(), config.description.uri)
    except RobotWmError as error:
        yield Finding("bad", "urdf", str(error))
        return
    bad = [*_arm_joints(config, urdf), *_frames_of_urdf(config, urdf), *_gripper_joints(config, urdf)]
    yield from bad
    if not any(finding.verdict == "bad" for finding in bad):
        yield Finding("ok", "urdf", f"{config.description.uri}: {len(config.joints)} joints, posture and frames fit it")


def _safety(config: RobotConfig) -> Iterator[Finding]:
    """What safety_node would not know of this robot."""
    safety = config.safety
    notes = [f"{each}; safety_node starts with allow_loosening:=true only" for each in safety.loosened()]
    if not safety.keep_out:
        notes.append("no keep_out: no table is known; give safety.keep_out a box for it")
    if safety.workspace is None:
        notes.append("no workspace: the tool may go wherever the joints reach; give safety.workspace")
    yield from (Finding("note", "safety", note) for note in notes)
    if not notes:
        yield Finding("ok", "safety", f"a workspace, {len(safety.keep_out)} keep-out boxes, {safety.shapes} shapes")


def _arm_joints(config: RobotConfig, urdf: Urdf) -> Iterator[Finding]:
    for name, posture in zip(config.joints, config.posture, strict=True):
        joint = urdf.joints.get(name)
        if joint is None:
            yield Finding("bad", "joints", f"'{name}' is not in the URDF; it has {sorted(urdf.joints)}")
        elif joint.kind not in ("revolute", "prismatic"):
            yield Finding(
                "bad", "joints", f"'{name}' is {joint.kind}; a revolute or prismatic joint with limits is needed"
            )
        elif not (joint.lower < joint.upper and joint.velocity > 0):
            limits = f"{joint.lower} to {joint.upper}, {joint.velocity} a second"
            yield Finding("bad", "joints", f"'{name}' has limits {limits}; lower < upper and velocity > 0 are needed")
        elif not joint.lower < posture < joint.upper:
            yield Finding(
                "bad", "posture", f"'{name}' at {posture} is outside its limits {joint.lower} to {joint.upper}"
            )


def _frames_of_urdf(config: RobotConfig, urdf: Urdf) -> Iterator[Finding]:
    for key, frame in (("base_frame", config.base_frame), ("ee_frame", config.ee_frame)):
        if frame not in urdf.links:
            yield Finding("bad", key, f"'{frame}' is not a link of the URDF; it has {sorted(urdf.links)}")
    if config.base_frame in urdf.links and not urdf.lies_in_root(config.base_frame):
        yield Finding(
            "bad",
            "base_frame",
            f"'{config.base_frame}' does not lie in the URDF's root frame, in which poses are expressed",
        )
    idle = [name for name in config.joints if name in urdf.joints and name not in urdf.chain(config.ee_frame)]
    if config.ee_frame in urdf.links and idle:
        yield Finding("bad", "ee_frame", f"'{config.ee_frame}' is not moved by the joints {idle}")


def _gripper_joints(config: RobotConfig, urdf: Urdf) -> Iterator[Finding]:
    for name in config.gripper.joints:
        joint = urdf.joints.get(name)
        if joint is None:
            yield Finding("note", "gripper", f"'{name}' is not in this URDF; joint_states must have it all the same")
            continue
        for key, value in (("closed", config.gripper.closed), ("open", config.gripper.open)):
            if not joint.lower - 1e-6 <= value <= joint.upper + 1e-6:
                limits = f"{joint.lower} to {joint.upper}"
                yield Finding("bad", "gripper", f"{key} is {value}, outside the limits {limits} of '{name}'")


def _frames(config: RobotConfig, contract: Contract) -> Iterator[Finding]:
    ours, theirs = (config.base_frame, config.ee_frame), (contract.base_frame, contract.ee_frame)
    if ours != theirs:
        yield Finding(
            "bad", "frames", f"robot has {ours}, contract '{contract.name}' has {theirs}; train a bundle for this robot"
        )


def _cameras(config: RobotConfig, contract: Contract) -> Iterator[Finding]:
    for camera in contract.cameras:
        if camera.name in config.topics.cameras:
            yield Finding("ok", f"camera '{camera.name}'", f"is on {config.topics.cameras[camera.name].image}")
        else:
            known = sorted(config.topics.cameras)
            yield Finding(
                "bad", f"camera '{camera.name}'", f"of the contract is not under topics: cameras, which has {known}"
            )


def _workspace(config: RobotConfig, contract: Contract) -> Iterator[Finding]:
    """Inverse kinematics from the posture to the corners and the centre of the contract's workspace."""
    try:
        arm = config.arm()
    except RobotWmError as error:
        yield Finding("note", "workspace", f"not checked, there are no kinematics: {error}")
        return
    low, high = np.array(contract.workspace_low), np.array(contract.workspace_high)
    points = [*itertools.product(*zip(low, high, strict=True)), tuple((low + high) / 2)]
    missed = [point for point in points if not _reaches(arm, np.array(config.posture), np.array(point))]
    if missed:
        where = ", ".join(str(tuple(round(float(value), 3) for value in point)) for point in missed)
        yield Finding(
            "bad",
            "workspace",
            f"not reached from the posture with its hand's rotation: {where} of {len(points)} points",
        )
    else:
        yield Finding(
            "ok", "workspace", f"its {len(points)} corners and centre are reached with the posture's rotation"
        )


def _reaches(arm: Arm, posture: np.ndarray, point: np.ndarray) -> bool:
    pose = np.concatenate([point, arm.forward(posture)[3:]])
    try:
        arm.inverse(pose, posture, tolerance=_REACHED)
    except KinematicsError:
        return False
    return True
