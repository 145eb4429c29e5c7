"""The script in the place of an agent: how often can a task be done at all?"""

from __future__ import annotations

import time

import numpy as np

from robot_wm.decision import Decision
from sim.envs import TabletopEnv
from sim.pusher import PlayStyle
from sim.scripts import SCRIPTS

STEADY = PlayStyle(speed_m=0.037, push_m=0.024, noise_m=0.0, wander=0.0)


class ScriptedAgent:
    """Acts on the true positions of an environment's things; it neither sees pictures nor plans.

    Args:
        environment: The one that it acts in.
    """

    def __init__(self, environment: TabletopEnv) -> None:
        self._environment = environment
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Begins the environment's present task."""
        task = self._environment.task
        self._script = SCRIPTS[task.name](STEADY, np.random.default_rng(seed))

    def set_goal(self, image: np.ndarray) -> None:
        """Takes the goal from the task; the image is not looked at."""
        self._script.pursue(self._environment.task)

    def act(self, image: np.ndarray, state: np.ndarray) -> Decision:
        """One step."""
        began = time.monotonic()
        action = np.zeros((1, 7), dtype=np.float32)
        action[0, [0, 1, 2, 6]] = self._script.act(self._environment.world, state[:3].astype(float))
        nothing = np.empty(0, dtype=np.float32)
        elapsed_ms = 1e3 * (time.monotonic() - began)
        return Decision(action, state[None], 0.0, nothing, 0, elapsed_ms, 0.0, "act", "")
