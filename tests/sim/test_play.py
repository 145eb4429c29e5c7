"""Scripted play: it moves the block, and the same seed plays the same episode."""

import numpy as np
import pytest

from robot_wm.agent import Agent
from robot_wm.deploy.bundle import default_bundle
from sim.play import BEHAVIOURS, corrected_episode, play_episode
from sim.tasks import TASKS
from sim.world import World


def test_push_play_moves_the_block_in_most_episodes() -> None:
    moved = []
    for seed in range(10):
        block = play_episode("push", seed, 50).monitor["block"]
        moved.append(np.linalg.norm(block - block[0], axis=1).max() > 0.03)
    assert np.mean(moved) > 0.8


def test_same_seed_plays_the_same_episode() -> None:
    first, second = (play_episode("push", 5, 20) for _ in range(2))
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.actions, second.actions)


def test_actions_are_what_moved_the_tool() -> None:
    episode = play_episode("reach", 2, 30, randomize=0.0)
    moved = np.diff(episode.states[:, :3], axis=0)
    assert np.abs(moved - episode.actions[:-1, :3]).max() < 0.006
    assert set(np.unique(episode.monitor["behaviour"])) == {BEHAVIOURS.index("wander")}


@pytest.mark.parametrize(("task", "moving"), [("reach", "states"), ("push", "block")])
def test_the_player_finishes_what_a_policy_began(task: str, moving: str) -> None:
    agent = Agent.load(default_bundle(), mode="policy", threads=1)
    finished = []
    for seed in range(4):
        episode = corrected_episode(agent, task, seed, 60, randomize=0.0)
        path = episode.states[:, :3] if moving == "states" else episode.monitor["block"]
        finished.append(np.linalg.norm(path[:, :2] - goal_of(task, seed)[:2], axis=1).min() < 0.03)
    assert np.mean(finished) >= 0.75


def test_a_corrected_episode_is_the_same_for_the_same_seed() -> None:
    agent = Agent.load(default_bundle(), mode="policy", threads=1)
    first, second = (corrected_episode(agent, "push", 7, 20, randomize=1.0) for _ in range(2))
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.actions, second.actions)
    assert np.array_equal(first.monitor["intervention"], second.monitor["intervention"])


def test_a_corrected_episode_says_who_acted() -> None:
    agent = Agent.load(default_bundle(), mode="policy", threads=1)
    intervention = corrected_episode(agent, "push", 7, 40, randomize=0.0).monitor["intervention"]
    begun = int(np.argmax(intervention))
    assert 0.12 * 50 - 1 < begun <= 0.6 * 50 and not intervention[:begun].any() and intervention[begun:].all()


def goal_of(task: str, seed: int) -> np.ndarray:
    """Where `corrected_episode` asks tool or block to be, drawn as it draws it."""
    rng = np.random.default_rng(seed)
    rng.random()
    world = World()
    try:
        world.reset(rng)
        objective = TASKS[task]()
        objective.reset(world, rng)
        return objective.goal
    finally:
        world.close()
