"""The console in the browser: what the robot does, sees and expects, and what a person wants of it.

It drives by hand over `teleop/pose`, `teleop/deadman` and `teleop/gripper`, which `teleop_node` (device `pose`) makes
chunks of; nothing that is clicked goes past `safety_node`.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time as TimeMsg
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Bool, Float32, Float32MultiArray, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import MultiDOFJointTrajectory

from robot_wm.contract import Contract
from robot_wm.deploy.bundle import Bundle, load_bundle
from robot_wm.errors import BundleError
from ros_nodes.console.board import Board, Shot, Word
from ros_nodes.console.hand import Hand
from ros_nodes.console.imagination import Imagination, Moment
from ros_nodes.console.judging import Judge
from ros_nodes.console.page import Page
from ros_nodes.console.recording import RecorderClient
from ros_nodes.conversions import (
    arm_state_from,
    array_to_image,
    image_to_latent,
    message_to_plan,
    seconds,
)
from ros_nodes.diagnostics import read_values
from ros_nodes.managed_node import Change, ManagedNode
from ros_nodes.node_process import run
from ros_nodes.qos import LATCHED, LATEST, SENSOR
from ros_nodes.robot_config import RobotConfig

HOLD_S = 0.04
"""Period of repetition of what the hand wants, seconds."""
TRIGGERS = (
    "planner/start", "planner/stop", "safety/estop", "safety/reset", "control/take", "control/give_back",
    "episode/start", "episode/success", "episode/failure", "episode/discard",
)  # fmt: skip
ADDRESS_FILE = "ROBOT_WM_CONSOLE_ADDRESS"
"""Environment variable: a file that the address is written to, readable by its owner alone."""


class ConsoleNode(ManagedNode):
    """One page on 127.0.0.1; its address, which holds the token, is printed when the node becomes active."""

    def __init__(self) -> None:
        super().__init__("console_node")
        once = Change.UNCONFIGURED
        self.parameter("robot", "panda_sim", "Robot configuration: a name in config/robots or a path.", change=once)
        self.parameter("bundle", "", "Directory of the model bundle; empty for the one that ships.", change=once)
        self.parameter("port", 8420, "TCP port on 127.0.0.1, or the next free one; 0 for any.", 0, 65535, once)
        self.parameter("goals", "goals", "Folder of saved goal pictures.", change=once)
        self.parameter("dataset", "datasets/play", "Dataset whose clips are judged in pairs.", change=once)
        self.parameter("preferences", "preferences.jsonl", "File that judgements are added to.", change=once)
        self.board, self.hand = Board(), Hand()
        self._page: Page | None = None

    def on_setup(self) -> None:
        robot = self._robot = RobotConfig.load(self.get_parameter("robot").value)
        self.hardware, self._arm = robot.name, robot.arm()
        bundle = load_bundle(self.get_parameter("bundle").value)
        self._contract = bundle.contract
        self._imagination = self._imagine_with(bundle)
        self.board, self.hand = Board(), Hand()
        self._was_held = False
        self._connect(robot, self._contract)
        self._clients = {name: self.create_client(Trigger, name) for name in TRIGGERS}
        self._release.extend(partial(self.destroy_client, client) for client in self._clients.values())
        self._recorder = RecorderClient(self, self.board.says)
        self._release.append(self._recorder.close)

    def _imagine_with(self, bundle: Bundle) -> Imagination | None:
        try:
            return Imagination(bundle)
        except BundleError as error:
            self.get_logger().warning(f"nothing that is imagined will be shown: {error}")
            return None

    def _connect(self, robot: RobotConfig, contract: Contract) -> None:
        self._camera = robot.topics.camera(contract.camera).image
        streams, words = MutuallyExclusiveCallbackGroup(), MutuallyExclusiveCallbackGroup()
        for topic in dict.fromkeys((self._camera, "overview/image_raw")):
            self.listen(Image, topic, partial(self._on_view, topic), SENSOR)
        self.listen(JointState, robot.topics.joint_states, self._on_joints, SENSOR)
        self.listen(Image, "perception/latents", self._on_latent, SENSOR, streams)
        self.listen(MultiDOFJointTrajectory, "planner/plan", self._on_plan, LATEST, streams)
        self.listen(Image, "planner/subgoal", self._on_subgoal, LATEST, streams)
        self.listen(Float32MultiArray, "planner/energy", self._on_energy, LATEST, streams)
        self.listen(Float32, "world_model/surprise", self._on_surprise, LATEST, streams)
        self.listen(Image, "goal/image", partial(self._on_goal, "goal"), LATCHED, streams)
        self.listen(Image, "sim/goal_image", partial(self._on_goal, "sim_goal"), LATCHED, streams)
        self.listen(DiagnosticArray, "safety/state", self._on_safety, LATCHED, words)
        self.listen(String, "control/source", self._on_source, LATCHED, words)
        self.listen(DiagnosticStatus, "planner/status", partial(self._on_word, "situation"), LATCHED, words)
        self.listen(DiagnosticStatus, "teleop/status", partial(self._on_word, "teleop"), LATCHED, words)
        self.listen(DiagnosticArray, "sim/task_state", self._on_task, LATEST, words)
        diagnostics = self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 20)
        self._release.append(lambda: self.destroy_subscription(diagnostics))
        self._goals = self.advertise(Image, "goal/image", LATCHED)
        self._poses = self.advertise(PoseStamped, "teleop/pose", LATEST)
        self._deadman = self.advertise(Bool, "teleop/deadman", LATEST)
        self._gripper = self.advertise(Float32, "teleop/gripper", LATEST)
        self._estop = self.advertise(Bool, "safety/estop_button", LATEST)
        self._tasks = self.advertise(String, "sim/task", LATCHED)
        self.every(HOLD_S, self._repeat_hand)

    def on_start(self) -> None:
        token = secrets.token_urlsafe(24)
        self._page = Page(
            self.get_parameter("port").value,
            token,
            self._robot,
            self,
            camera=self._camera,
            imagination=self._imagination,
            judge=Judge(Path(self.get_parameter("preferences").value), np.random.default_rng()),
            dataset=self.get_parameter("dataset").value,
            goals=Path(self.get_parameter("goals").value),
            failed=self.callback_failed,
        )
        # Not to the log: that is published on /rosout, and recorded.
        print(f"console: {self._page.address}", flush=True)
        _write_for_owner(os.environ.get(ADDRESS_FILE, ""), self._page.address)

    def on_stop(self) -> None:
        self.hand.release()
        self._deadman.publish(Bool(data=False))
        page, self._page = self._page, None
        if page is not None:
            page.close()

    def estop(self) -> None:
        """Stops the robot at once: by the button's topic, and by the service, whose answer is noted."""
        self.hand.release()
        self._estop.publish(Bool(data=True))
        self.trigger("safety/estop")

    def trigger(self, service: str) -> None:
        """Calls a Trigger service and notes the answer; nobody waits."""
        client = self._clients[service]
        if not client.service_is_ready():
            self.board.says(f"{service}: nobody offers this; `robot-wm doctor` says which node is missing")
            return
        self.board.says(f"{service} …")
        client.call_async(Trigger.Request()).add_done_callback(partial(self._on_answer, service))

    def _on_answer(self, service: str, future: Any) -> None:
        answer = future.result()
        self.board.says(f"{service}: {answer.message or ('done' if answer.success else 'refused')}")

    def move(self) -> None:
        """Says now what the hand wants."""
        held = self.hand.held(time.monotonic())
        if held and self.hand.pose is not None:
            self._poses.publish(self._stamped(self.hand.pose))
        if held or self._was_held:
            self._deadman.publish(Bool(data=held))
        self._was_held = held

    def _repeat_hand(self) -> None:
        if self._was_held or self.hand.held(time.monotonic()):
            self.move()

    def _stamped(self, pose: np.ndarray) -> PoseStamped:
        x, y, z, qx, qy, qz, qw = (float(value) for value in pose)
        message = PoseStamped(pose=Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw)))
        message.header.stamp, message.header.frame_id = self._now(), self._robot.base_frame
        return message

    def grip(self, opening: float) -> None:
        """Wants the gripper at an opening; holds the switch for a moment where nobody does, so that it counts."""
        now_s, tool = time.monotonic(), self.board.pose
        if not self.hand.held(now_s) and tool is not None:
            self.hand.nudge(tool, np.zeros(3), now_s)
            self.move()
        self._gripper.publish(Float32(data=opening))

    def send_goal(self, pixels: np.ndarray) -> None:
        """Publishes a picture on goal/image; ObservationError where it is not what the contract says."""
        checked = self._contract.check_image(np.ascontiguousarray(pixels), "goal")
        self._goals.publish(array_to_image(checked, self._now(), self._contract.camera.frame))
        self.board.says("new goal; Start lets the planner pursue it")

    def set_up(self, task: str, seed: int) -> None:
        """Sets a task up in the simulation."""
        self._tasks.publish(String(data=f"{task} {seed}"))
        self.board.says(f"{task} with seed {seed}")

    def record(self, is_on: bool, task: str) -> None:
        """Begins a recording, or ends it; called by viser's threads, which may wait."""
        self._recorder.record(is_on, task)

    def _now(self) -> TimeMsg:
        return self.get_clock().now().to_msg()

    def _on_view(self, topic: str, message: Image) -> None:
        pixels = _pixels(message)
        if pixels is None:
            self.get_logger().warning(f"{topic}: '{message.encoding}' is not shown", throttle_duration_sec=10.0)
            return
        shot = Shot(seconds(message.header.stamp), pixels)
        self.board.views[topic] = shot
        if topic == self._camera and self._imagination is not None:
            self._imagination.see(shot)

    def _on_joints(self, message: JointState) -> None:
        joints, opening = arm_state_from(message, self._robot, self._robot.topics.joint_states)
        self.board.joints = dict(zip(message.name, message.position, strict=False))
        self.board.pose, self.board.opening = self._arm.forward(joints), opening

    def _on_latent(self, message: Image) -> None:
        if self._imagination is None or self.board.pose is None:
            return
        latent = image_to_latent(message, self._imagination.latent_shape, "perception/latents")
        state = np.append(self.board.pose, self.board.opening).astype(np.float32)
        self._imagination.remember(Moment(seconds(message.header.stamp), latent, state))

    def _on_plan(self, message: MultiDOFJointTrajectory) -> None:
        plan = message_to_plan(message, self._robot.base_frame, self._robot.ee_frame, "planner/plan")
        self.board.plan = plan if len(plan.poses) else None

    def _on_subgoal(self, message: Image) -> None:
        if self._imagination is not None:
            self.board.subgoal = image_to_latent(message, self._imagination.latent_shape, "planner/subgoal")

    def _on_energy(self, message: Float32MultiArray) -> None:
        self.board.energies.append((time.monotonic(), float(np.sum(message.data))))

    def _on_surprise(self, message: Float32) -> None:
        self.board.surprises.append((time.monotonic(), float(message.data)))

    def _on_goal(self, name: str, message: Image) -> None:
        setattr(self.board, name, _pixels(message))

    def _on_safety(self, message: DiagnosticArray) -> None:
        self.board.safety = read_values(message, "safety") or {}
        self.board.safety_heard_s = time.monotonic()

    def _on_source(self, message: String) -> None:
        self.board.source = Word(message.data, time.monotonic())

    def _on_word(self, name: str, message: DiagnosticStatus) -> None:
        setattr(self.board, name, Word(message.message, time.monotonic()))

    def _on_task(self, message: DiagnosticArray) -> None:
        entry = message.status[0]
        self.board.sim_task = Word(f"{entry.name}: {entry.message}", time.monotonic())

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        """Keeps what nodes of the same namespace say, by their names without it."""
        space = self.get_namespace().strip("/")
        for entry in message.status:
            if not space or entry.name.startswith(f"{space}/"):
                name = entry.name.removeprefix(f"{space}/")
                self.board.health[name] = read_values(message, entry.name) or {}
                self.board.health_heard_s[name] = time.monotonic()


def _pixels(message: Image) -> np.ndarray | None:
    """Pixels uint8 (H, W, 3) of an rgb8 or bgr8 image whose buffer fits; None for any other."""
    data, width = np.frombuffer(message.data, np.uint8), 3 * message.width
    if message.encoding not in ("rgb8", "bgr8") or message.step < width or data.size != message.step * message.height:
        return None
    pixels = data.reshape(message.height, message.step)[:, :width].reshape(message.height, message.width, 3)
    return pixels.copy() if message.encoding == "rgb8" else pixels[..., ::-1].copy()


def _write_for_owner(path: str, text: str) -> None:
    if path:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text + "\n")


def main(args: list[str] | None = None) -> int:
    return run(ConsoleNode, args, threads=6)


if __name__ == "__main__":
    sys.exit(main())
