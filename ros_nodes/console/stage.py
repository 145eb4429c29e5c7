"""The scene: the arm from its URDF, the tool's gizmo, the plan as a path."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np
import viser
import yourdfpy
from viser.extras import ViserUrdf

from ros_nodes.console.board import Board
from ros_nodes.robot_config import RobotConfig

GIZMO_M = 0.14
EYE, LOOK_AT, FOV_RAD = (1.7, -1.3, 0.95), (0.28, 0.0, 0.3), 0.75
"""Where the scene is seen from at first, metres in the base frame, and the vertical angle of view."""
PLAN_COLOUR, END_COLOUR = (64, 192, 255), (255, 212, 59)
NO_TURN = np.array([1.0, 0.0, 0.0, 0.0])
STILL_RAD, STILL_M = 2e-4, 5e-4
"""Smaller changes are not sent to the browser."""


class Stage:
    """What is drawn in three dimensions.

    Args:
        page: The server.
        robot: Whose URDF is drawn.

    Attributes:
        gizmo: What is dragged.
        turns: Whether it turns the tool too.
    """

    def __init__(self, page: viser.ViserServer, robot: RobotConfig) -> None:
        self._scene = page.scene
        page.initial_camera.position, page.initial_camera.look_at, page.initial_camera.fov = EYE, LOOK_AT, FOV_RAD
        self._scene.configure_default_lights(True, cast_shadow=False)
        self._scene.configure_environment_map(None)  # what a computer without a graphics card can draw
        self._scene.add_light_hemisphere("/sky", sky_color=(255, 255, 255), ground_color=(110, 105, 100), intensity=1.6)
        self._scene.add_grid("/floor", width=2.0, height=2.0, cell_size=0.1, section_size=0.5, cell_color=(90, 95, 105))
        self._boxes(robot)
        self._arm = ViserUrdf(page, _load(robot), root_node_name="/arm")
        self._joints = self._arm.get_actuated_joint_names()
        self._drawn = np.full(len(self._joints), np.inf)
        self.gizmo = self._scene.add_transform_controls(
            "/tool", scale=GIZMO_M, line_width=4.0, disable_rotations=True, depth_test=False, visible=False
        )
        self.turns, self._rotation = False, NO_TURN[[1, 2, 3, 0]]
        self._plan_stamp_s = np.nan

    def _boxes(self, robot: RobotConfig) -> None:
        """What the arm must keep out of, as its file says."""
        for name, box in robot.safety.keep_out:
            low, high = np.array(box.low), np.array(box.high)
            self._scene.add_box(
                f"/keep_out/{name}",
                color=(120, 110, 98),
                dimensions=tuple(high - low),
                position=0.5 * (low + high) - np.array([0.0, 0.0, 0.002]),
            )

    def follow(self, board: Board, held: bool) -> None:
        """Draws the arm, and the gizmo at the tool unless it is held, where they are now."""
        positions = np.array([board.joints.get(name, 0.0) for name in self._joints])
        if board.joints and np.max(np.abs(positions - self._drawn), initial=0.0) > STILL_RAD:
            self._arm.update_cfg(positions)
            self._drawn = positions
        if board.pose is None or held:
            return
        self._rotation = board.pose[3:]
        self.gizmo.visible = True
        if np.linalg.norm(self.gizmo.position - board.pose[:3]) > STILL_M:
            self.gizmo.position = board.pose[:3]
        wxyz = self._rotation[[3, 0, 1, 2]] if self.turns else NO_TURN
        if abs(float(wxyz @ self.gizmo.wxyz)) < 1.0 - 1e-6:
            self.gizmo.wxyz = wxyz

    def turn_too(self, turns: bool) -> None:
        """Whether the gizmo turns the tool, along whose axes it lies then, or only moves it along those of the base."""
        self.turns, self.gizmo.disable_rotations = turns, not turns

    def draw_plan(self, board: Board) -> None:
        """Draws the newest plan as a path from the tool, with its way points and its end."""
        plan = board.plan
        stamp_s = np.nan if plan is None else plan.stamp_s
        if stamp_s == self._plan_stamp_s or (plan is None and np.isnan(self._plan_stamp_s)):
            return
        self._plan_stamp_s = stamp_s
        if plan is None or board.pose is None or len(plan.poses) == 0:
            for name in ("/plan/path", "/plan/points"):
                self._scene.remove_by_name(name)
            return
        points = np.vstack([board.pose[:3], plan.poses[:, :3]]).astype(np.float32)
        colours = np.full((len(points), 3), PLAN_COLOUR, np.uint8)
        colours[-1] = END_COLOUR
        segments = np.stack([points[:-1], points[1:]], axis=1)
        self._scene.add_line_segments("/plan/path", segments, PLAN_COLOUR, thickness=4.0, thickness_units="screen")
        self._scene.add_point_cloud("/plan/points", points, colours, point_size=0.008, point_shape="circle")

    def gizmo_pose(self) -> np.ndarray:
        """Pose (7,) that is wanted of the tool, x y z and the quaternion x y z w."""
        rotation = self.gizmo.wxyz[[1, 2, 3, 0]] if self.turns else self._rotation
        return np.concatenate([self.gizmo.position, rotation]).astype(float)


def _load(robot: RobotConfig) -> yourdfpy.URDF:
    """The robot's URDF with the meshes that can be found; yourdfpy warns about every one that cannot."""
    logging.getLogger("yourdfpy").setLevel(logging.ERROR)
    folder = robot.description.path().parent

    def find(name: str) -> str:
        return str(_mesh(name, folder))

    return yourdfpy.URDF.load(io.BytesIO(robot.description.urdf().encode()), filename_handler=find)


def _mesh(name: str, folder: Path) -> Path:
    """A mesh by `package://`, `file://` or a path relative to the URDF."""
    if name.startswith("package://"):
        from ros_nodes.robot_description import Description

        return Description(name, folder).path()
    return folder / name.removeprefix("file://")
