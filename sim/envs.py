"""Gymnasium environments of the tabletop tasks."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from robot_wm.actions import integrate
from robot_wm.contract import STATE_NAMES, TABLETOP
from robot_wm.errors import ObservationError
from sim.randomization import Randomization
from sim.robot import DOWN
from sim.tasks import TASKS, camera_image
from sim.world import World

ROTATION_LIMIT_RAD = 0.2
OVERVIEW_SIZE = (360, 480)


class TabletopEnv(gymnasium.Env[Any, np.ndarray]):
    """One task on the simulated tabletop.

    Observations are `image` and `goal`, uint8 (96, 96, 3), and `state`, float32 (8,), as the contract names them. An
    action is a displacement of the commanded tool pose over one contract step, (7,), metres, radians and opening; the
    commanded position stays within the contract's workspace, and `info["limited"]` says when that changed it. The
    reward is the negative distance to the goal in metres; reaching it ends the episode.

    Args:
        task: A name in `sim.tasks.TASKS`.
        goal_steps: Difficulty: the goal lies so many steps of scripted play away; None draws from the task's range.
        randomize: Draws looks, light, physics and camera pose anew at each reset.
        randomization: The ranges used when `randomize` is set.
        render_mode: Only "rgb_array": the overview camera.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": round(1 / TABLETOP.step_s)}

    def __init__(
        self,
        task: str,
        *,
        goal_steps: int | None = None,
        randomize: bool = False,
        randomization: Randomization | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = render_mode
        self.task = TASKS[task](goal_steps)
        self.world = World((randomization or Randomization()) if randomize else None, self.task.equipment)
        camera = TABLETOP.camera
        image = spaces.Box(0, 255, (camera.height, camera.width, 3), np.uint8)
        state = spaces.Box(-2.0, 2.0, (len(STATE_NAMES),), np.float32)
        self.observation_space = spaces.Dict({"image": image, "state": state, "goal": image})
        reach = TABLETOP.action_high[:3]
        low = np.array([-v for v in reach] + [-ROTATION_LIMIT_RAD] * 3 + [0.0], dtype=np.float32)
        high = np.array([*reach] + [ROTATION_LIMIT_RAD] * 3 + [1.0], dtype=np.float32)
        self.action_space = spaces.Box(low, high, dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Draws a scene, a start and a goal; the same seed gives the same bits."""
        super().reset(seed=seed)
        self.world.reset(self.np_random)
        self._goal = self.task.reset(self.world, self.np_random)
        position = self.world.ee_pose()[:3]
        self._command = np.concatenate([position, DOWN, [self.world.gripper()]]).astype(np.float32)
        return self._observe(), self._info(limited=False)

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Moves for one contract step; an action of the wrong shape or outside the space raises ObservationError."""
        action = np.asarray(action, dtype=np.float32)
        if not self.action_space.contains(action):
            raise ObservationError(f"action: got {action}, expected (7,) within {self.action_space}")
        wanted = integrate(self._command, action[None, None])[0, 0]
        self._command = wanted.copy()
        self._command[:3] = np.clip(wanted[:3], TABLETOP.workspace_low, TABLETOP.workspace_high)
        self.world.step_pose(self._command[:3], self._command[3:7], float(self._command[7]), TABLETOP.step_s)
        info = self._info(limited=not np.array_equal(wanted[:3], self._command[:3]))
        return self._observe(), -info["distance"], info["success"], False, info

    def _observe(self) -> dict[str, np.ndarray]:
        return {"image": camera_image(self.world), "state": self.world.state(), "goal": self._goal.copy()}

    def _info(self, limited: bool) -> dict[str, Any]:
        return {
            "success": self.task.success(self.world),
            "distance": self.task.distance(self.world),
            "ee": self.world.ee_pose()[:3],
            "block": self.world.block_position(),
            "contact": self.world.in_contact(),
            "limited": limited,
            **self.task.monitor(self.world),
        }

    def render(self) -> np.ndarray:
        """The overview camera's picture, uint8 (360, 480, 3)."""
        return self.world.render("overview", *OVERVIEW_SIZE)

    def close(self) -> None:
        self.world.close()
