"""Episodes of scripted play, so that a model can watch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from robot_wm.agent import Agent
from robot_wm.contract import TABLETOP
from robot_wm.data.episode import INTERVENTION, Episode
from sim.equipment import Equipment
from sim.pusher import BEHAVIOURS, PlayStyle
from sim.randomization import Randomization
from sim.robot import DOWN
from sim.scripts import SCRIPTS, Script
from sim.tasks import TASKS, Task, camera_image
from sim.tasks.task import clear_tool, random_block
from sim.world import World

FREE_PLAY = ("reach", "push")
"""Tasks whose play has no goal of its own."""


def play_episode(
    task: str, seed: int, steps: int, randomize: float = 0.5, ranges: Randomization | None = None
) -> Episode:
    """Plays one episode from scratch.

    Args:
        task: "reach" only wanders; "push" mostly pushes; of the others the task is done once, and then play goes on.
        seed: The same seed gives the same episode to the bit.
        steps: Number of frames.
        randomize: Chance that the scene is randomised.
        ranges: What that changes; the usual ranges by default.

    Returns:
        The episode with the privileged columns `block`, `contact` and `behaviour` for monitoring, and the task's own.
    """
    rng = np.random.default_rng(seed)
    objective = TASKS[task]()
    with _scene(rng, randomize, objective.equipment, ranges) as world:
        if task in FREE_PLAY:
            scatter(world, rng)
            script = SCRIPTS[task](PlayStyle.sample(task, rng), rng)
        else:
            objective.reset(world, rng)
            script = SCRIPTS[task](PlayStyle.sample(task, rng), rng)
            script.pursue(objective)
        return record(world, objective, steps, script, lambda image, tool: script.act(world, tool))


def scatter(world: World, rng: np.random.Generator) -> None:
    block = random_block(rng)
    world.place_block(block, rng.uniform(-np.pi, np.pi))
    world.place_robot(clear_tool(block, rng))


def corrected_episode(
    agent: Agent, task: str, seed: int, steps: int, randomize: float = 0.5, teacher: Agent | None = None
) -> Episode:
    """An agent tries a task; after a while the player takes over and finishes it (DAgger, arXiv 1011.0686).

    It shows what to do in the situations that the agent's own mistakes lead to. The column `intervention` is true where
    the player acts; the rest is nothing to imitate. Arguments as for `play_episode`.

    Args:
        teacher: Takes over in the player's place, and goes on with its plans when the task is done.
    """
    rng = np.random.default_rng(seed)
    objective = TASKS[task]()
    with _scene(rng, randomize, objective.equipment) as world:
        goal = objective.reset(world, rng)
        for one in (agent, *([teacher] if teacher else [])):
            one.set_goal(goal)
            one.reset(seed)
        script = SCRIPTS[task](PlayStyle.sample(task, rng), rng)
        script.pursue(objective)
        left_to_agent = int(rng.uniform(0.12, 0.6) * objective.max_steps)
        numbers = iter(range(steps))

        def choose(image: np.ndarray, tool: np.ndarray) -> np.ndarray:
            acting = agent if next(numbers) < left_to_agent else teacher
            if acting is None:
                return script.act(world, tool)
            return acting.act(image, world.state()).actions[0, [0, 1, 2, 6]]

        episode = record(world, objective, steps, script, choose)
        return replace(episode, monitor={**episode.monitor, INTERVENTION: np.arange(steps) >= left_to_agent})


@contextmanager
def _scene(
    rng: np.random.Generator, randomize: float, equipment: Equipment, ranges: Randomization | None = None
) -> Iterator[World]:
    world = World((ranges or Randomization()) if rng.random() < randomize else None, equipment)
    try:
        world.reset(rng)
        yield world
    finally:
        world.close()


def record(
    world: World, task: Task, steps: int, script: Script, choose: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> Episode:
    """Moves by what `choose` says of the picture and the commanded position, and records it."""
    command = world.ee_pose()[:3]
    low, high = np.array(TABLETOP.workspace_low), np.array(TABLETOP.workspace_high)
    rows: dict[str, list] = defaultdict(list)
    for _ in range(steps):
        image = camera_image(world)
        *way, opening = choose(image, command)
        target = np.clip(command + way, low, high)
        frame = {
            "images": image,
            "states": world.state(),
            "actions": np.concatenate([target - command, np.zeros(3), [opening]]),
            "block": world.block_position().astype(np.float32),
            "contact": world.in_contact(),
            "behaviour": BEHAVIOURS.index(script.behaviour),
            **task.monitor(world),
        }
        for name, value in frame.items():
            rows[name].append(value)
        command = target
        world.step_pose(command, DOWN, float(opening), TABLETOP.step_s)
    columns = {name: np.stack(values) for name, values in rows.items()}
    return Episode(
        images=columns.pop("images"),
        states=columns.pop("states"),
        actions=columns.pop("actions").astype(np.float32),
        stamps=np.arange(steps) * TABLETOP.step_s,
        task=task.name,
        monitor=columns,
    )
