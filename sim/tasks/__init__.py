"""The tabletop tasks behind one small protocol."""

from __future__ import annotations

from collections.abc import Mapping

from sim.tasks.drawer import SlideDrawer
from sim.tasks.grip import Grasp, PickPlace
from sim.tasks.push import FarPush, Push
from sim.tasks.reach import Reach
from sim.tasks.task import Task, camera_image
from sim.tasks.two_block import TwoBlock

__all__ = ["TASKS", "Task", "camera_image", "environment_id"]

TASKS: Mapping[str, type[Task]] = {
    task.name: task for task in (Reach, Push, Grasp, PickPlace, SlideDrawer, TwoBlock, FarPush)
}


def environment_id(task: str) -> str:
    """Gymnasium's name of a task's environment: "robot_wm/TabletopPickPlace-v0" of "pick_place"."""
    return f"robot_wm/Tabletop{task.title().replace('_', '')}-v0"
