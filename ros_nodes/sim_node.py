"""The simulated robot behind the topics of a ros2_control robot; what only a simulation knows is under `sim/`."""

from __future__ import annotations

import sys
import time

import numpy as np
from builtin_interfaces.msg import Time as TimeMsg
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock as ClockMsg
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Bool, Float64MultiArray, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from robot_wm.contract import TABLETOP
from robot_wm.errors import RobotWmError
from ros_nodes.conversions import array_to_image, camera_info, seconds
from ros_nodes.diagnostics import status
from ros_nodes.managed_node import ManagedNode, run
from ros_nodes.qos import LATCHED, LATEST, SENSOR
from ros_nodes.robot_config import RobotConfig, RobotConfigError
from ros_nodes.trajectory_executor import TrajectoryExecutor
from sim.randomization import Randomization
from sim.tasks import TASKS
from sim.world import PHYSICS_HZ, World

TICK_S = 2.0 / PHYSICS_HZ
LONGEST_CATCH_UP_S = 0.2
"""After a longer stall the simulation falls behind real time instead of catching up."""
OVERVIEW_SIZE = (240, 320)


class SimNode(ManagedNode):
    """A Panda on a tabletop in real time, with one task set up in it."""

    def __init__(self) -> None:
        super().__init__("sim_node")
        self.parameter("robot", "panda_sim", "Robot configuration: a name in config/robots or a path.")
        self.parameter("task", "reach", f"Task that sim/reset sets up: {' or '.join(TASKS)}.")
        self.parameter("seed", 0, "Seed of the scene that sim/reset sets up.", 0, 2**31 - 1)
        self.parameter(
            "randomize", False, "Each sim/reset draws colours, light, physics and camera pose; read when configured."
        )
        self.parameter("camera_rate", 1.0 / TABLETOP.step_s, "Images a second.", 0.5, 60.0)
        self.parameter("overview_rate", 0.0, "Images a second on overview/image_raw; 0 for none.", 0.0, 30.0)
        self.parameter("publish_clock", False, "Publish simulated time on /clock and stamp with it.")

    def on_setup(self) -> None:
        self._robot = RobotConfig.load(self.get_parameter("robot").value)
        self.hardware = self._robot.name
        self._world = World(Randomization() if self.get_parameter("randomize").value else None)
        self._release.append(self._world.close)
        self._trajectory = TrajectoryExecutor(self._robot.joints, self._world.joint_positions())
        self._sim_time_s, self._opening, self._stepped_at = 0.0, 0.0, time.monotonic()
        self._set_up_task()
        self._advertise()
        robot, group = self._robot, MutuallyExclusiveCallbackGroup()
        self.listen(JointTrajectory, robot.command.endpoint.name, self._on_trajectory, LATEST, group)
        self.listen(Float64MultiArray, robot.gripper.endpoint.name, self._on_gripper, LATEST, group)
        self.listen(String, "sim/task", self._on_task, LATCHED, group)
        self.offer(Trigger, "sim/reset", self._reset, group)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.every(TICK_S, self._tick, group, steady)
        self.every(1.0 / self.get_parameter("camera_rate").value, self._shoot, group, steady)
        overview_rate = self.get_parameter("overview_rate").value
        if overview_rate > 0:
            self.every(1.0 / overview_rate, self._shoot_overview, group, steady)

    def _advertise(self) -> None:
        self._steps, self._images = self.meter("physics"), self.meter("image")
        self._joint_states = self.advertise(JointState, self._robot.topics.joint_states, LATEST)
        self._cameras = {
            camera: (
                self.advertise(Image, camera.topic, SENSOR),
                self.advertise(CameraInfo, camera.topic.rpartition("/")[0] + "/camera_info", SENSOR),
            )
            for camera in TABLETOP.cameras
        }
        self._overview = self.advertise(Image, "overview/image_raw", SENSOR)
        self._goal_image = self.advertise(Image, "sim/goal_image", LATCHED)
        self._success = self.advertise(Bool, "sim/success", LATEST)
        self._task_state = self.advertise(DiagnosticArray, "sim/task_state", LATEST)
        self._clock_topic = self.advertise(ClockMsg, "/clock", LATEST)

    def on_start(self) -> None:
        self._stepped_at = time.monotonic()
        self._publish_goal()

    def _set_up_task(self) -> None:
        name, seed = self.get_parameter("task").value, self.get_parameter("seed").value
        if name not in TASKS:
            raise RobotConfigError(f"task '{name}' is unknown; set parameter 'task' to one of {sorted(TASKS)}")
        rng = np.random.default_rng(seed)
        self._task, self._task_name, self._seed = TASKS[name](), name, seed
        self._world.reset(rng)
        self._goal = self._task.reset(self._world, rng)
        self._opening = self._world.gripper()
        self._trajectory.hold(self._world.joint_positions())

    def _reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            self._set_up_task()
        except RobotWmError as error:
            response.message = str(error)
            return response
        self._publish_goal()
        response.success, response.message = True, f"{self._task_name} with seed {self._seed}"
        return response

    def _on_task(self, message: String) -> None:
        """Sets up another task, given as "NAME SEED"; a later sim/reset sets up the same."""
        name, _, seed = message.data.partition(" ")
        if name not in TASKS or not seed.isdecimal():
            self.get_logger().error(f"sim/task: got '{message.data}', expected 'NAME SEED', NAME of {sorted(TASKS)}")
            return
        self.set_parameters([Parameter("task", value=name), Parameter("seed", value=int(seed))])
        self._set_up_task()
        self._publish_goal()

    def _publish_goal(self) -> None:
        self._goal_image.publish(array_to_image(self._goal, self._stamp(), TABLETOP.camera.frame))

    def _on_trajectory(self, message: JointTrajectory) -> None:
        positions = np.array([point.positions for point in message.points])
        times = np.array([seconds(point.time_from_start) for point in message.points])
        try:
            self._trajectory.replace(message.joint_names, positions, times, time.monotonic())
        except (RobotWmError, ValueError) as error:
            self.get_logger().error(f"trajectory refused: {error}", throttle_duration_sec=2.0)

    def _on_gripper(self, message: Float64MultiArray) -> None:
        wanted = len(self._robot.gripper.joints)
        if len(message.data) != wanted or not np.all(np.isfinite(message.data)):
            self.get_logger().error(
                f"{self._robot.gripper.endpoint.name}: got {list(message.data)}, expected {wanted} finite joint positions",
                throttle_duration_sec=2.0,
            )
            return
        self._opening = self._robot.gripper.opening(np.array(message.data))

    def _tick(self) -> None:
        start = time.monotonic()
        ticks = int(min(start - self._stepped_at, LONGEST_CATCH_UP_S) / TICK_S)
        if ticks == 0:
            return
        self._stepped_at = max(self._stepped_at + ticks * TICK_S, start - LONGEST_CATCH_UP_S)
        self._world.step_joints(self._trajectory.sample(start), self._opening, ticks * TICK_S)
        self._sim_time_s += ticks * TICK_S
        if self.get_parameter("publish_clock").value:
            self._clock_topic.publish(ClockMsg(clock=self._stamp()))
        self._publish_joints()
        self._steps.tick(time.monotonic() - start)

    def _publish_joints(self) -> None:
        message = JointState(name=[*self._robot.joints, *self._robot.gripper.joints])
        message.header.stamp, message.header.frame_id = self._stamp(), self._robot.base_frame
        fingers = self._robot.gripper.positions(self._world.gripper())
        message.position = [*self._world.joint_positions().tolist(), *fingers]
        message.velocity = [*self._world.joint_velocities().tolist(), *[0.0] * len(fingers)]
        self._joint_states.publish(message)

    def _shoot(self) -> None:
        start, stamp = time.monotonic(), self._stamp()
        for camera, (images, infos) in self._cameras.items():
            size = camera.height, camera.width
            images.publish(array_to_image(self._world.render(camera.name, *size), stamp, camera.frame))
            infos.publish(camera_info(self._world.camera_info(camera.name, *size), *size, stamp, camera.frame))
        self._images.tick(time.monotonic() - start)
        self._publish_task_state(stamp)

    def _shoot_overview(self) -> None:
        pixels = self._world.render("overview", *OVERVIEW_SIZE)
        self._overview.publish(array_to_image(pixels, self._stamp(), "overview_optical_frame"))

    def _publish_task_state(self, stamp: TimeMsg) -> None:
        success, distance = self._task.success(self._world), self._task.distance(self._world)
        values = {
            "seed": str(self._seed),
            "success": str(success).lower(),
            "distance_m": f"{distance:.4f}",
            "max_steps": str(self._task.max_steps),
        }
        message = "success" if success else "not yet"
        state = DiagnosticArray(status=[status(self._task_name, self.hardware, DiagnosticStatus.OK, message, values)])
        state.header.stamp = stamp
        self._task_state.publish(state)
        self._success.publish(Bool(data=success))

    def _stamp(self) -> TimeMsg:
        if not self.get_parameter("publish_clock").value:
            return self.get_clock().now().to_msg()
        nanoseconds = round(self._sim_time_s * 1e9)
        return TimeMsg(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def main(args: list[str] | None = None) -> int:
    return run(SimNode, args)


if __name__ == "__main__":
    sys.exit(main())
