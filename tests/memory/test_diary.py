"""An agent that remembers what it did, and finds it again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robot_wm.actor.level_settings import LevelSettings
from robot_wm.agent import Agent
from robot_wm.errors import EpisodicMemoryError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "memory"


def test_what_an_agent_did_is_familiar_to_the_next_one(
    tiny_bundle: Path, folder: Path, image: np.ndarray, state: np.ndarray
) -> None:
    first = Agent.load(tiny_bundle, memory=folder)
    first.set_goal(image[::-1].copy())
    assert first.act(image, state).novelty == float("inf")
    first.act(image[:, ::-1].copy(), state)
    first.remember("turn", success=True)
    with pytest.raises(EpisodicMemoryError, match="another process"):
        Agent.load(tiny_bundle, memory=folder)
    first.memory.close()
    second = Agent.load(tiny_bundle, memory=folder)
    assert len(second.memory) == 1
    second.set_goal(image)
    assert second.act(image, state).novelty == pytest.approx(0.0, abs=1e-6)
    assert second.act(image[::-1].copy(), state).novelty > 1e-3
    second.memory.close()


def test_an_episode_that_is_reset_is_not_remembered(
    tiny_bundle: Path, folder: Path, image: np.ndarray, state: np.ndarray
) -> None:
    agent = Agent.load(tiny_bundle, memory=folder)
    agent.set_goal(image)
    agent.act(image, state)
    agent.reset()
    agent.remember("nothing", success=False)
    assert len(agent.memory) == 0
    assert Agent.load(tiny_bundle).act(image, state).novelty is None
    agent.memory.close()


def test_remembered_ways_are_tried_by_the_slow_level(
    tiny_bundle: Path, folder: Path, image: np.ndarray, state: np.ndarray
) -> None:
    levels = LevelSettings(near_steps=0.0, reached_steps=0.0, every=1, recalled=2)
    agent = Agent.load(tiny_bundle, mode="hierarchical", memory=folder, levels=levels)
    agent.set_goal(image[::-1].copy())
    for picture in (image, image[:, ::-1].copy(), image[::-1].copy()):
        agent.act(picture, state)
    agent.remember("turn", success=True)
    asked = []
    ways = agent.memory.ways
    agent.memory.ways = lambda *arguments: asked.append(ways(*arguments)) or asked[-1]
    decision = agent.act(image, state)
    assert decision.status == "act" and decision.subgoal is not None
    assert len(asked) == 1 and len(asked[0]) == 1 and asked[0][0].success
    agent.memory.close()
