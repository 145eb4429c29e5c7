"""Simulated tabletop: importing this package registers its Gymnasium environments."""

import gymnasium

from sim.tasks import TASKS

for _name, _task in TASKS.items():
    gymnasium.register(
        id=f"robot_wm/Tabletop{_name.capitalize()}-v0",
        entry_point="sim.envs:TabletopEnv",
        kwargs={"task": _name},
        max_episode_steps=_task.max_steps,
    )
