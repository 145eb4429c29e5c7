"""The simulated robot behind the topics and actions of a ros2_control robot; what no robot has is under `sim/`."""

from __future__ import annotations

import sys
import time

import numpy as np
from builtin_interfaces.msg import Time as TimeMsg
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rosgraph_msgs.msg import Clock as ClockMsg
from sensor_msgs.msg import JointState

from robot_wm.contract import TABLETOP
from robot_wm.motion import Motion
from ros_nodes.gripper_controller import GripperController
from ros_nodes.managed_node import Change, ManagedNode
from ros_nodes.node_process import run
from ros_nodes.qos import LATEST
from ros_nodes.robot_config import RobotConfig
from ros_nodes.robot_interfaces import Endpoint
from ros_nodes.sim_cameras import SimCameras
from ros_nodes.sim_task import SimTask, task_named
from ros_nodes.trajectory_controller import TrajectoryController
from ros_nodes.trajectory_executor import TrajectoryExecutor
from sim.drives import Drives
from sim.limit_checker import LimitChecker
from sim.randomization import Randomization
from sim.tasks import TASKS
from sim.world import PHYSICS_HZ, World

TICK_S = 2.0 / PHYSICS_HZ
LONGEST_CATCH_UP_S = 0.2
"""After a longer stall the simulation falls behind real time instead of catching up."""


class SimNode(ManagedNode):
    """A Panda on a tabletop in real time, with one task set up in it."""

    def __init__(self) -> None:
        super().__init__("sim_node")
        once = Change.UNCONFIGURED
        self.parameter("robot", "panda_sim", "Robot configuration: a name in config/robots or a path.", change=once)
        self.parameter("task", "reach", f"Task that sim/reset sets up: {' or '.join(TASKS)}.")
        self.parameter("seed", 0, "Seed of the scene that sim/reset sets up.", 0, 2**31 - 1)
        self.parameter("randomize", False, "Each sim/reset draws colours, light, physics and camera pose.", change=once)
        self.parameter("camera_rate", 1.0 / TABLETOP.step_s, "Images a second.", 0.5, 60.0, change=once)
        self.parameter(
            "overview_rate", 0.0, "Images a second on overview/image_raw; 0 for none.", 0.0, 30.0, change=once
        )
        self.parameter("publish_clock", False, "Publish simulated time on /clock and stamp with it.", change=once)
        self.parameter(
            "allow_nonzero_velocity_at_trajectory_end",
            True,
            "As joint_trajectory_controller's: whether a trajectory may end in motion.",
            change=once,
        )

    def on_setup(self) -> None:
        self._robot = RobotConfig.load(self.get_parameter("robot").value)
        self.hardware = self._robot.name
        randomization = Randomization() if self.get_parameter("randomize").value else None
        self._world = World(randomization, task_named(self.get_parameter("task").value).equipment)
        self._release.append(self._world.close)
        self._limits, self._drives, self._stalls = LimitChecker(self._world), Drives(self._world), 0
        self._sim_time_s, self._stepped_at = 0.0, time.monotonic()
        self._wanted = (self._stepped_at, self._world.joint_positions())
        group = MutuallyExclusiveCallbackGroup()
        self._make_controllers(group)
        self._task = SimTask(
            self,
            self._world,
            self._stamp,
            lambda: self._hold("Current goal cancelled: the task is set up anew."),
            group,
        )
        self._advertise()
        self.every(TICK_S, self._tick, group)
        self.every(1.0 / self.get_parameter("camera_rate").value, self._shoot, group)
        overview_rate = self.get_parameter("overview_rate").value
        if overview_rate > 0:
            self.every(1.0 / overview_rate, lambda: self._cameras.shoot_overview(self._stamp()), group)

    def _make_controllers(self, group: MutuallyExclusiveCallbackGroup) -> None:
        robot, nonzero_end = self._robot, self.get_parameter("allow_nonzero_velocity_at_trajectory_end").value
        executor = TrajectoryExecutor(robot.joints, self._world.joint_positions(), nonzero_end=nonzero_end)
        arm = _controller(robot.command.endpoint, "joint_trajectory_controller")
        gripper = _controller(robot.gripper.endpoint, "gripper_controller")
        self._arm = TrajectoryController(self, arm, executor, self._stamp, group)
        self._release.append(self._arm.destroy)
        self._gripper = GripperController(self, gripper, robot.gripper, self._world.gripper(), group)
        self._release.append(self._gripper.destroy)

    def _advertise(self) -> None:
        self._steps, self._images = self.meter("physics"), self.meter("image")
        self._joint_states = self.advertise(JointState, self._robot.topics.joint_states, LATEST)
        self._cameras = SimCameras(self, self._world, self._robot.topics)
        self._clock_topic = self.advertise(ClockMsg, "/clock", LATEST)

    def details(self) -> dict[str, str]:
        """What the arm broke since the node was configured; counted from the simulation alone."""
        if self.stage == "unconfigured":
            return {}
        broken = {f"broken.{limit}": str(count) for limit, count in self._limits.violations.items()}
        extremes = {
            "stalls": str(self._stalls),
            "limited_by_drives": str(self._drives.limited),
            "held_back": str(self._drives.held_back),
            "fastest_share": f"{self._limits.fastest:.3f}",
            "farthest_m": f"{self._limits.farthest_m:.3f}",
            "last_broken": self._limits.last,
        }
        return broken | extremes

    def on_start(self) -> None:
        self._stepped_at = time.monotonic()
        self._task.publish_goal()

    def on_stop(self) -> None:
        self._hold("Current goal cancelled during deactivate transition.")

    def _hold(self, reason: str) -> None:
        self._wanted = (time.monotonic(), self._world.joint_positions())
        self._arm.hold(self._world.joint_positions(), reason)
        self._gripper.hold(self._world.gripper())

    def _tick(self) -> None:
        start = time.monotonic()
        ticks = int(min(start - self._stepped_at, LONGEST_CATCH_UP_S) / TICK_S)
        if ticks == 0:
            return
        self._stalls += start - self._stepped_at > LONGEST_CATCH_UP_S
        self._stepped_at = max(self._stepped_at + ticks * TICK_S, start - LONGEST_CATCH_UP_S)
        joints, speeds = self._world.joint_positions(), self._world.joint_velocities()
        wanted = self._arm.update(Motion(joints, speeds, np.zeros_like(speeds)), start)
        self._drives.step(
            self._at_tick(wanted, start), self._gripper.update(self._world.gripper(), start), ticks * TICK_S
        )
        self._sim_time_s += ticks * TICK_S
        self._limits.look()
        if self.get_parameter("publish_clock").value:
            self._clock_topic.publish(ClockMsg(clock=self._stamp()))
        self._publish_joints()
        self._steps.tick(time.monotonic() - start)

    def _at_tick(self, wanted: np.ndarray, now_s: float) -> np.ndarray:
        """The joints' targets at the time that is simulated, which is a little before `now_s`, the time of `wanted`."""
        before_s, before = self._wanted
        share = (self._stepped_at - before_s) / (now_s - before_s) if now_s > before_s else 1.0
        self._wanted = (now_s, wanted)
        return before + float(np.clip(share, 0.0, 1.0)) * (wanted - before)

    def _publish_joints(self) -> None:
        message = JointState(name=[*self._robot.joints, *self._robot.gripper.joints])
        message.header.stamp, message.header.frame_id = self._stamp(), self._robot.base_frame
        fingers = self._robot.gripper.positions(self._world.gripper())
        message.position = [*self._world.joint_positions().tolist(), *fingers]
        message.velocity = [*self._world.joint_velocities().tolist(), *[0.0] * len(fingers)]
        self._joint_states.publish(message)

    def _shoot(self) -> None:
        start = time.monotonic()
        self._cameras.shoot(self._stamp())
        self._images.tick(time.monotonic() - start)
        self._task.publish_state()

    def _stamp(self) -> TimeMsg:
        if not self.get_parameter("publish_clock").value:
            return self.get_clock().now().to_msg()
        nanoseconds = round(self._sim_time_s * 1e9)
        return TimeMsg(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def _controller(endpoint: Endpoint, otherwise: str) -> str:
    """The controller that a topic or action belongs to: the name up to its last word."""
    return endpoint.name.rpartition("/")[0] or otherwise


def main(args: list[str] | None = None) -> int:
    return run(SimNode, args)


if __name__ == "__main__":
    sys.exit(main())
