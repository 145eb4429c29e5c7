"""What each task demands, that its script can do it, and that the physics is honest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import get_args

import numpy as np
import pytest

from robot_wm.contract import TABLETOP_GRIPPER
from robot_wm.errors import RobotWmError, TaskError
from robot_wm.evaluation import EvalConfig, TaskName, play_episodes
from sim.equipment import PLAIN, Equipment
from sim.randomization import Randomization
from sim.robot import DOWN
from sim.scripts import SCRIPTS
from sim.tasks import TASKS, Task
from sim.tasks.grip import ON_BLOCK, Grasp, PickPlace
from sim.world import World

EVERYTHING = Equipment(grip=True, second_block=True, drawer=True)


@pytest.fixture
def gripping() -> Iterator[World]:
    world = World(equipment=Equipment(grip=True))
    yield world
    world.close()


def set_up(task: Task, world: World, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    world.reset(rng)
    return task.reset(world, rng)


def hold(world: World, place: np.ndarray, steps: int, opening: float) -> None:
    for _ in range(steps):
        world.step_pose(place, DOWN, opening, 0.2)


def test_every_task_has_a_script_and_can_be_evaluated() -> None:
    assert set(TASKS) == set(SCRIPTS) == set(get_args(TaskName))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("randomize", [False, True])
def test_the_script_does_the_task(task: str, randomize: bool) -> None:
    config = EvalConfig(task=task, agent="scripted", randomize=randomize, seed=1)
    results = list(play_episodes(config, [0, 1, 2]))
    assert sum(result.success for result in results) >= 2


def test_the_goal_image_shows_what_is_different() -> None:
    for name, task in TASKS.items():
        objective, world = task(), World(equipment=task.equipment)
        goal = set_up(objective, world)
        start = world.render("camera", *goal.shape[:2])
        assert np.count_nonzero(np.any(start != goal, axis=2)) > 100, name
        assert not objective.success(world), name
        world.close()


def test_difficulty_is_the_distance_of_the_goal() -> None:
    for name in ("push", "pick_place", "far_push"):
        task, world = TASKS[name](goal_steps=10), World(equipment=TASKS[name].equipment)
        set_up(task, world)
        assert task.distance(world) == pytest.approx(10 * task.stride_m, abs=0.6 * task.stride_m)
        world.close()


@pytest.mark.parametrize("steps", [0, 100])
def test_a_goal_beyond_the_table_is_refused(steps: int) -> None:
    for task in TASKS.values():
        with pytest.raises(TaskError, match=f"goal_steps is {steps}"):
            task(goal_steps=steps)


def test_a_far_goal_is_further_than_any_near_one() -> None:
    assert TASKS["far_push"].distances_m[0] > 1.8 * TASKS["push"].distances_m[1]


def test_a_block_that_is_pushed_to_its_place_was_not_put_there(gripping: World) -> None:
    task = PickPlace()
    set_up(task, gripping)
    gripping.place_robot(np.array([0.36, 0.0, 0.28]), gripper=1.0)
    gripping.place_block(task.goal)
    assert task.distance(gripping) < task.tolerance_m and not task.success(gripping)
    gripping.place_block(task.goal + [0.0, 0.0, 0.10])
    assert not task.success(gripping)
    gripping.place_block(task.goal)
    assert task.success(gripping)


def test_a_block_in_the_air_is_grasped_only_when_both_fingers_hold_it(gripping: World) -> None:
    task = Grasp()
    set_up(task, gripping)
    gripping.place_block(np.array([0.5, 0.0, 0.2]))
    assert task.distance(gripping) == 0.0 and not task.success(gripping)


@pytest.mark.parametrize("yaw", [0.0, 0.3, np.pi / 4])
def test_friction_alone_holds_the_block_and_open_fingers_drop_it(gripping: World, yaw: float) -> None:
    gripping.reset(np.random.default_rng(0))
    low, high = np.array([0.5, 0.0, 0.025]), np.array([0.5, 0.0, 0.145])
    gripping.place_block(low, yaw)
    gripping.place_robot(low, gripper=1.0)
    hold(gripping, low, 3, opening=0.0)
    assert gripping.grips_block() and ON_BLOCK - 0.02 < gripping.gripper() < 0.9
    for share in (0.3, 0.6, 1.0):
        hold(gripping, low + share * (high - low), 1, opening=0.0)
    hold(gripping, high, 5, opening=0.0)
    assert gripping.block_position()[2] > 0.12
    hold(gripping, high, 4, opening=1.0)
    assert gripping.block_position()[2] < 0.04


def test_a_drawer_stays_where_it_was_left_and_ends_at_its_stops() -> None:
    world = World(equipment=Equipment(grip=True, drawer=True))
    set_up(TASKS["drawer"](), world)
    world.drawer.open_to(0.06)
    hold(world, np.array([0.40, 0.0, 0.3]), 3, opening=1.0)
    assert world.drawer.opening() == pytest.approx(0.06, abs=1e-3)
    world.close()


def test_what_is_absent_is_not_drawn() -> None:
    """Scenes of the plain tabletop are the same whatever else exists, and leave the generator where it was."""
    first, second = np.random.default_rng(3), np.random.default_rng(3)
    plain, full = Randomization().sample(first, PLAIN), Randomization().sample(second, EVERYTHING)
    extras = {"second_colour", "drawer_colour", "drawer_friction_n"}
    for field in dataclasses.fields(plain):
        same = np.array_equal(getattr(plain, field.name), getattr(full, field.name))
        assert same == (field.name not in extras), field.name
    assert first.random() != second.random()


def test_a_world_without_drawer_says_so() -> None:
    world = World()
    with pytest.raises(TaskError, match="has no drawer"):
        _ = world.drawer
    world.close()


def test_a_bundle_whose_gripper_is_fixed_is_not_asked_to_grasp(tiny_bundle) -> None:
    with pytest.raises(RobotWmError, match="needs action dimension 'gripper'"):
        next(play_episodes(EvalConfig(task="grasp", bundle=tiny_bundle), [0]))
    assert TABLETOP_GRIPPER.action_high[6] == 1.0
