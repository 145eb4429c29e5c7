"""Simulated tabletop: importing this package registers its Gymnasium environments."""

import gymnasium

from sim.tasks import TASKS, environment_id

__all__ = ["TASKS", "environment_id"]

for _name, _task in TASKS.items():
    gymnasium.register(
        id=environment_id(_name),
        entry_point="sim.envs:TabletopEnv",
        kwargs={"task": _name},
        max_episode_steps=_task.max_steps,
    )
