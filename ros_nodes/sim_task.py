"""The task that is set up in the simulation: chosen by topic or parameter, judged on topics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from builtin_interfaces.msg import Time as TimeMsg
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.callback_groups import CallbackGroup
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Bool, String
from std_srvs.srv import Trigger

from robot_wm.contract import TABLETOP
from robot_wm.errors import RobotWmError
from ros_nodes.conversions import array_to_image
from ros_nodes.diagnostics import status
from ros_nodes.managed_node import ManagedNode
from ros_nodes.qos import LATCHED, LATEST
from ros_nodes.robot_config import RobotConfigError
from sim.tasks import TASKS, Task
from sim.world import World


class SimTask:
    """Sets up what the node's parameters `task` and `seed` say, and says how far from success the world is.

    Args:
        node: The node that offers the topics.
        world: The world that tasks are set up in.
        stamp: The simulation's time.
        moved: Called when the world has been set up anew.
        group: Callback group of everything that happens here.
    """

    def __init__(
        self,
        node: ManagedNode,
        world: World,
        stamp: Callable[[], TimeMsg],
        moved: Callable[[], None],
        group: CallbackGroup,
    ) -> None:
        self._node, self._world, self._stamp, self._moved = node, world, stamp, moved
        self._goal_image = node.advertise(Image, "sim/goal_image", LATCHED)
        self._success = node.advertise(Bool, "sim/success", LATEST)
        self._state = node.advertise(DiagnosticArray, "sim/task_state", LATEST)
        self._set_up()
        node.listen(String, "sim/task", self._on_task, LATCHED, group)
        node.offer(Trigger, "sim/reset", self._reset, group)

    def publish_goal(self) -> None:
        """The task's goal as an image, on sim/goal_image."""
        self._goal_image.publish(array_to_image(self._goal, self._stamp(), TABLETOP.camera.frame))

    def publish_state(self) -> None:
        """Whether the task has been done, and what is left of it."""
        success, distance = self._task.success(self._world), self._task.distance(self._world)
        values = {
            "seed": str(self._seed),
            "success": str(success).lower(),
            "distance_m": f"{distance:.4f}",
            "max_steps": str(self._task.max_steps),
        }
        entry = status(
            self._name, self._node.hardware, DiagnosticStatus.OK, "success" if success else "not yet", values
        )
        state = DiagnosticArray(status=[entry])
        state.header.stamp = self._stamp()
        self._state.publish(state)
        self._success.publish(Bool(data=success))

    def _set_up(self) -> None:
        name, seed = self._node.get_parameter("task").value, self._node.get_parameter("seed").value
        self._task, self._name, self._seed = self._fitting(name)(), name, seed
        rng = np.random.default_rng(seed)
        self._world.reset(rng)
        self._goal = self._task.reset(self._world, rng)
        self._moved()

    def _reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            self._set_up()
        except RobotWmError as error:
            response.message = str(error)
            return response
        self.publish_goal()
        response.success, response.message = True, f"{self._name} with seed {self._seed}"
        return response

    def _on_task(self, message: String) -> None:
        """Sets up another task, given as "NAME SEED"; a later sim/reset sets up the same."""
        name, _, seed = message.data.partition(" ")
        if name not in TASKS or not seed.isdecimal():
            text = f"sim/task: got '{message.data}', expected 'NAME SEED', NAME of {sorted(TASKS)}"
            self._node.get_logger().error(text)
            return
        try:
            self._fitting(name)
        except RobotConfigError as error:
            self._node.get_logger().error(f"sim/task: {error}")
            return
        self._node.set_parameters([Parameter("task", value=name), Parameter("seed", value=int(seed))])
        self._set_up()
        self.publish_goal()

    def _fitting(self, name: str) -> type[Task]:
        """The task of this name; RobotConfigError when there is none, or when it needs what this world has not."""
        task = task_named(name)
        if task.equipment != self._world.equipment:
            raise RobotConfigError(
                f"task '{name}' needs {task.equipment}, but the simulation has {self._world.equipment}; "
                f"start sim_node with task:={name}"
            )
        return task


def task_named(name: str) -> type[Task]:
    """A task; RobotConfigError when there is none of this name."""
    if name not in TASKS:
        raise RobotConfigError(f"task '{name}' is unknown; set parameter 'task' to one of {sorted(TASKS)}")
    return TASKS[name]
