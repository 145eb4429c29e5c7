"""Scripted play: it moves the block, and the same seed plays the same episode."""

import numpy as np

from sim.play import BEHAVIOURS, play_episode


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
