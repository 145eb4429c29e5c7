"""Latents, joint states and a goal image in, end-effector chunks out."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from builtin_interfaces.msg import Time as TimeMsg
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float32, Float32MultiArray, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import MultiDOFJointTrajectory

from robot_wm.agent import Agent
from robot_wm.contract import Contract
from robot_wm.decision import Decision
from robot_wm.deploy.bundle import load_bundle
from robot_wm.errors import ObservationError, RobotWmError
from robot_wm.safety.freshness import Bounds, Freshness
from robot_wm.safety.images import FrozenView, require_view
from robot_wm.tuned import level_settings
from robot_wm.understanding.view import View, learn_command
from ros_nodes.control_source import SOURCE, source_of
from ros_nodes.conversions import (
    Plan,
    arm_state_from,
    image_to_array,
    image_to_latent,
    latent_to_image,
    plan_to_message,
    seconds,
)
from ros_nodes.diagnostics import read_values
from ros_nodes.managed_node import Change, ManagedNode
from ros_nodes.node_process import run
from ros_nodes.qos import LATCHED, LATEST, SENSOR
from ros_nodes.robot_config import RobotConfig, RobotConfigError
from ros_nodes.robot_guardrails import guardrails_of
from ros_nodes.situation_status import situation_status, view_status
from ros_nodes.view_inspection import ViewInspection

GOAL, LATENTS, SAFETY = "goal/image", "perception/latents", "safety/state"
STATE_TOLERANCE_S = 0.1
"""Largest time between a latent's stamp and the joint states that are planned from."""


class PlannerNode(ManagedNode):
    """Plans from every fresh latent while started; says what it waits for when something is missing."""

    def __init__(self) -> None:
        super().__init__("planner_node")
        once = Change.UNCONFIGURED
        self.parameter("bundle", "", "Directory of the model bundle; empty for the one that ships.", change=once)
        self.parameter("provider", "cpu", "onnxruntime execution provider: cpu, cuda, …", change=once)
        self.parameter("robot", "panda_sim", "Robot configuration: a name in config/robots or a path.", change=once)
        self.parameter("mode", "flat", "How to choose actions: flat, hierarchical, policy or random.", change=once)
        self.parameter("ask_operator", False, "Hold and ask on planner/status when stuck or unsure.", change=once)
        self.parameter(
            "check_view",
            True,
            "Before the first motion nod, and refuse to plan where the camera shows the tool elsewhere.",
            change=once,
        )
        self.parameter("memory", "", "Folder where episodes are remembered; empty for none.", change=once)
        self.parameter("recall", 0, "Remembered ways that the slow level tries.", 0, 64, change=once)
        self.parameter("seed", 0, "Seed of the search.", 0, 2**31 - 1, change=once)
        self.parameter("deadline_s", 0.1, "Time for one plan, seconds.", 0.005, 10.0)
        self.parameter(
            "max_latent_age_s", 0.3, "Latents older than this are not planned from, seconds.", 0.01, 10.0, Change.LOWER
        )

        self._run, self._running, self._goal_stamp_s, self._refusal = 0, False, 0.0, ""
        self._misses: Mapping[str, int] = {}

    def on_setup(self) -> None:
        self._robot = RobotConfig.load(self.get_parameter("robot").value)
        self.hardware, self._arm = self._robot.name, self._robot.arm()
        mode, provider = self.get_parameter("mode").value, self.get_parameter("provider").value
        seed, asks = self.get_parameter("seed").value, self.get_parameter("ask_operator").value
        bundle = load_bundle(self.get_parameter("bundle").value)
        memory, recall = self.get_parameter("memory").value, self.get_parameter("recall").value
        self._agent = Agent.load(
            bundle,
            mode=mode,
            provider=provider,
            seed=seed,
            asks=asks,
            guardrails=guardrails_of(self._robot, self._arm, bundle.contract.step_s),
            levels=level_settings(bundle, recall or None),
            memory=Path(memory) if memory else None,
        )
        if self._agent.memory is not None:
            self._release.append(self._agent.memory.close)
            for problem in self._agent.memory.problems:
                self.get_logger().warning(problem)
        self._misses, self._begins, self._said = self._agent.misses, False, ""
        _check_frames(self._robot, self._agent.contract)
        self._inspection = self._make_inspection()
        self._states: deque[tuple[float, np.ndarray]] = deque(maxlen=500)
        self._run, self._running, self._goal_stamp_s, self._refusal = self._run + 1, False, 0.0, ""
        self._rotation: np.ndarray | None = None
        self._latent_at = self._joints_at = -np.inf
        self._safety, self._guardian, self._view = "", "", FrozenView()
        self._pause = ""
        self._freshness = Freshness("latent", Bounds(0.0, np.inf))
        self._plan_meter, self._latents = self.meter("plan"), self.meter("latents")
        self._plans = self.advertise(MultiDOFJointTrajectory, "planner/plan", LATEST)
        self._energies = self.advertise(Float32MultiArray, "planner/energy", LATEST)
        self._subgoals = self.advertise(Image, "planner/subgoal", LATEST)
        self._surprises = self.advertise(Float32, "world_model/surprise", LATEST)
        self._situations = self.advertise(DiagnosticStatus, "planner/status", LATCHED)
        self._sending = threading.Lock()
        # A stop must wait neither for a plan that is being made nor for a flood of messages.
        planning, control = MutuallyExclusiveCallbackGroup(), MutuallyExclusiveCallbackGroup()
        self.listen(Image, GOAL, self._on_goal, LATCHED, planning)
        self.listen(Image, LATENTS, self._on_latent, SENSOR, planning)
        self.listen(JointState, self._robot.topics.joint_states, self._on_joints, SENSOR)
        self.listen(DiagnosticArray, SAFETY, self._on_safety, LATCHED, control)
        self.listen(String, SOURCE, self._on_control, LATCHED, control)
        self.offer(Trigger, "planner/start", self._start, control)
        self.offer(Trigger, "planner/stop", self._stop, control)
        self.every(0.2, self._say_what_is_missing, control)

    def _make_inspection(self) -> ViewInspection | None:
        """The check before motion, None where it is switched off or the bundle cannot tell."""
        model = self._agent.model
        if not self.get_parameter("check_view").value:
            self.get_logger().warning("check_view is off: a camera that was moved is not noticed")
            return None
        view = View.of(model.bundle)
        if view is None:
            command = learn_command(model.bundle.path)
            self.get_logger().warning(f"the bundle cannot check what the camera shows; add that with: {command}")
            return None
        return ViewInspection(view, self._agent.contract, model.horizon)

    def on_stop(self) -> None:
        self._halt("deactivated")

    def details(self) -> dict[str, str]:
        running, stamp = str(self._running).lower(), f"{self._goal_stamp_s:.6f}"
        said = {"running": running, "goal_stamp_s": stamp, "goal_refused": self._refusal}
        return said | {f"missed.{what}": str(count) for what, count in sorted(self._misses.items())}

    def _start(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if not self.is_active:
            response.message = "planner_node is not active; activate it first"
            return response
        if self._safety:
            response.message = f"safety has stopped the robot: {self._safety}; call safety/reset first"
            return response
        self._begins = True
        if self._inspection is not None:
            self._inspection.begin()
        self._run, self._running, self._rotation = self._run + 1, True, None
        missing = self._pause or self._missing()
        response.success, response.message = True, f"started, {missing}" if missing else "started"
        return response

    def _stop(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._halt("planner/stop was called")
        response.success, response.message = True, "stopped"
        return response

    def _halt(self, reason: str) -> None:
        with self._sending:
            was_running = self._running
            self._run, self._running = self._run + 1, False
            self._send_stop(self.get_clock().now().to_msg())
        if was_running:
            self._remember(success=False)
        self.report(DiagnosticStatus.OK, f"stopped: {reason}")

    def _on_safety(self, message: DiagnosticArray) -> None:
        """A robot that was stopped does not go on by itself after the reset: planning ends, and is started anew."""
        values = read_values(message, "safety") or {}
        is_new = self._guardian not in ("", values.get("instance", ""))
        self._guardian = values.get("instance", "")
        self._safety = values.get("reason", "") if values.get("message") == "stopped" else ""
        if is_new and self._running:
            self._halt("safety_node was started anew")
        if self._safety and self._running:
            self._halt(f"safety: {self._safety}")

    def _on_control(self, message: String) -> None:
        """While the planner is not in control nothing is planned; then it goes on from where the arm is."""
        pause = "" if source_of(message.data) == "planner" else f"paused: {message.data}"
        with self._sending:
            if bool(pause) != bool(self._pause):
                self._run, self._begins, self._rotation = self._run + 1, True, None
            self._pause = pause

    def _on_goal(self, message: Image) -> None:
        try:
            self._agent.set_goal(require_view(image_to_array(message, self._agent.contract.camera, GOAL), GOAL))
        except RobotWmError as error:
            self._refusal = f"goal refused: {error}"
            self.get_logger().error(self._refusal)
            return
        self._refusal, self._goal_stamp_s = "", seconds(message.header.stamp)
        self.get_logger().info("new goal image")

    def _on_joints(self, message: JointState) -> None:
        try:
            joints, opening = arm_state_from(message, self._robot, self._robot.topics.joint_states)
        except RobotWmError as error:
            self.get_logger().error(str(error), throttle_duration_sec=2.0)
            return
        self._states.append((seconds(message.header.stamp), np.append(joints, opening)))
        self._joints_at = time.monotonic()

    def _on_latent(self, message: Image) -> None:
        self._latent_at, age_s = time.monotonic(), self.now_s() - seconds(message.header.stamp)
        self._latents.tick(age_s)
        run = self._run
        if not self._running or self._pause or self._missing():
            return
        measured = self._joints_near(seconds(message.header.stamp))
        self._freshness.bounds = Bounds(self.get_parameter("max_latent_age_s").value, np.inf)
        stale = self._freshness.accept(seconds(message.header.stamp), self.now_s(), self._latent_at)
        if stale or measured is None:
            self._latents.drop()
            self.report(DiagnosticStatus.WARN, "latents and joint states are not fresh together")
            words = stale or "no joint states of the latent's time"
            self.get_logger().warning(f"not planned: {words}", throttle_duration_sec=2.0)
            return
        try:
            if self._begins:
                self._begins = False
                self._agent.go_on()
            state = np.append(self._arm.forward(measured[:-1]), measured[-1]).astype(np.float32)
            latent = image_to_latent(message, self._agent.model.latent_shape, LATENTS)
            frozen = self._view.look(latent, state[:3])
            if frozen:
                raise ObservationError(frozen)
            if self._inspection is not None:
                self._inspect(self._inspection, latent, state, message.header.stamp, run)
                return
            self._agent.observe_joints(measured[:-1])
            decision = self._agent.decide(latent, state, self.get_parameter("deadline_s").value)
        except RobotWmError as error:
            self._latents.drop()
            self.report(DiagnosticStatus.ERROR, f"cannot plan: {error}")
            with self._sending:
                if self._running and run == self._run:
                    self._send_stop(message.header.stamp)
            return
        with self._sending:
            if self._running and run == self._run:
                self._send(decision, message.header.stamp, state)

    def _inspect(
        self, inspection: ViewInspection, latent: np.ndarray, state: np.ndarray, stamp: TimeMsg, run: int
    ) -> None:
        """One step of the nod before the first motion; with the verdict planning begins, or ends with the reason."""
        verdict = inspection.step(latent, state, seconds(stamp))
        if verdict == "refused":
            self._halt(f"view: {inspection.refusal}")
            self.report(DiagnosticStatus.ERROR, f"stopped: view: {inspection.refusal}")
            self._said = ""
            self._situations.publish(view_status(inspection.refusal, self._agent.goals_left))
        elif verdict == "passed":
            self._inspection = None
            self.get_logger().info("the camera shows the tool where it is")
        else:
            times_s, poses = inspection.poses(seconds(stamp))
            plan = Plan(seconds(stamp), times_s, poses, np.full(len(poses), state[7]))
            with self._sending:
                if self._running and run == self._run:
                    self._plans.publish(plan_to_message(plan, stamp, self._robot.base_frame, self._robot.ee_frame))
            self.report(DiagnosticStatus.OK, "nodding: looking whether the camera is where it was")

    def _joints_near(self, stamp_s: float) -> np.ndarray | None:
        """The joints and the gripper's opening (n + 1,) measured nearest to a stamp, None when there are none near."""
        nearest = min(self._states.copy(), key=lambda entry: abs(entry[0] - stamp_s), default=None)
        if nearest is None or abs(nearest[0] - stamp_s) > STATE_TOLERANCE_S:
            return None
        return nearest[1]

    def _send(self, decision: Decision, stamp: TimeMsg, state: np.ndarray) -> None:
        self._plan_meter.tick(decision.plan_ms * 1e-3)
        self._tell(decision, stamp)
        if decision.status == "hold":
            self._send_stop(stamp)
            self.report(DiagnosticStatus.WARN, f"holding: {decision.reason}")
            return
        times = self._agent.contract.step_s * np.arange(1, len(decision.poses) + 1)
        poses = self._with_fixed_rotation(decision.poses[:, :7].astype(float), state)
        plan = Plan(seconds(stamp), times, poses, decision.poses[:, 7])
        self._plans.publish(plan_to_message(plan, stamp, self._robot.base_frame, self._robot.ee_frame))
        self._energies.publish(Float32MultiArray(data=[float(energy) for energy in decision.energies]))
        self.report(DiagnosticStatus.OK, decision.reason or "planning")

    def _tell(self, decision: Decision, stamp: TimeMsg) -> None:
        """Publishes what the plan rests on, and the situation whenever it changes."""
        if decision.subgoal is not None:
            self._subgoals.publish(latent_to_image(decision.subgoal, stamp, "latent"))
        if decision.surprise is not None:
            self._surprises.publish(Float32(data=decision.surprise))
        if decision.situation != self._said:
            self._said = decision.situation
            if decision.situation == "reached":
                self._remember(success=True)
            self._situations.publish(situation_status(decision, self._agent.goals_left))

    def _remember(self, *, success: bool) -> None:
        try:
            self._agent.remember(GOAL, success)
        except RobotWmError as error:
            self.get_logger().error(f"not remembered: {error}")

    def _with_fixed_rotation(self, poses: np.ndarray, state: np.ndarray) -> np.ndarray:
        """Keeps the hand's rotation at the start where the contract fixes it: measured errors must not add up."""
        contract = self._agent.contract
        if any(contract.action_low[3:6]) or any(contract.action_high[3:6]):
            return poses
        if self._rotation is None:
            self._rotation = state[3:7].astype(float)
        poses[:, 3:7] = self._rotation
        return poses

    def _send_stop(self, stamp: TimeMsg) -> None:
        nothing = Plan(seconds(stamp), np.empty(0), np.empty((0, 7)), np.empty(0))
        self._plans.publish(plan_to_message(nothing, stamp, self._robot.base_frame, self._robot.ee_frame))

    def _missing(self) -> str:
        """What planning waits for, empty when everything is there."""
        now = time.monotonic()
        if self._agent.goal is None or self._refusal:
            return f"waiting for {GOAL}" + (f"; {self._refusal}" if self._refusal else "")
        if now - self._joints_at > 1.0:
            return f"waiting for {self._robot.topics.joint_states}"
        return f"waiting for {LATENTS}" if now - self._latent_at > 1.0 else ""

    def _say_what_is_missing(self) -> None:
        missing = self._missing()
        if self._running and self._pause:
            self.report(DiagnosticStatus.OK, self._pause)
        elif self._running and missing:
            self.report(DiagnosticStatus.WARN, missing)


def _check_frames(robot: RobotConfig, contract: Contract) -> None:
    ours, theirs = (robot.base_frame, robot.ee_frame), (contract.base_frame, contract.ee_frame)
    if ours != theirs:
        raise RobotConfigError(
            f"robot '{robot.name}' has frames {ours}, the bundle's contract '{contract.name}' has {theirs}; "
            "choose the robot that the bundle was trained for"
        )


def main(args: list[str] | None = None) -> int:
    return run(PlannerNode, args)


if __name__ == "__main__":
    sys.exit(main())
