"""A dataset of synthetic frames, small enough to train on in seconds; scripts beside this file import it too."""

from dataclasses import replace

import numpy as np
import pytest

from robot_wm.perception.encoder import EncoderConfig
from robot_wm.training.config import LevelsConfig, PretrainConfig, Schedule, TrainingPlan
from robot_wm.training.windows import Frames, WindowConfig
from robot_wm.world_model.model import ModelConfig

EPISODES, LENGTH, SIZE = 12, 20, 48


def tiny_frames() -> Frames:
    """Episodes of a bright square that moves as the actions say."""
    rng = np.random.default_rng(0)
    actions = rng.uniform(-0.04, 0.04, (EPISODES, LENGTH, 7)).astype(np.float32)
    actions[..., 3:] = 0
    places = np.clip(0.5 + np.cumsum(actions[..., :3], axis=1), 0.2, 0.8)
    images = np.full((EPISODES, LENGTH, SIZE, SIZE, 3), 60, dtype=np.uint8)
    for episode, step in np.ndindex(EPISODES, LENGTH):
        row, column = (places[episode, step, :2] * SIZE).astype(int)
        images[episode, step, row - 4 : row + 4, column - 4 : column + 4] = 220
    states = np.zeros((EPISODES, LENGTH, 8), dtype=np.float32)
    states[..., :3] = places
    starts = np.arange(EPISODES) * LENGTH
    return Frames(
        images.reshape(-1, SIZE, SIZE, 3),
        states.reshape(-1, 8),
        actions.reshape(-1, 7),
        starts,
        np.full(EPISODES, LENGTH),
        {"block": places.reshape(-1, 3).astype(np.float32)},
    )


def tiny_plan() -> TrainingPlan:
    """All stages, a few steps each, of a tiny model."""
    encoder = EncoderConfig(image_size=SIZE, stem=8, width=16, depth=1, heads=2, reduced=4, tokens=4, channels=4)
    schedule = Schedule(steps=6, batch=8, rate=1e-3, warmup=2)
    return TrainingPlan(
        model=ModelConfig(encoder=encoder, width=16, depth=1, chunk=4),
        window=WindowConfig(frames=3, goals=2, reach=10, chunk=4),
        pretrain=PretrainConfig(schedule, frames=4),
        joint=schedule,
        heads=schedule,
        refine=schedule,
        heads_window=WindowConfig(frames=4, goals=2, reach=10, chunk=4),
        levels=LevelsConfig(schedule=replace(schedule, steps=0)),
        held_out=0.2,
    )


@pytest.fixture(scope="session")
def frames() -> Frames:
    """Episodes of a bright square."""
    return tiny_frames()


@pytest.fixture
def plan() -> TrainingPlan:
    """All stages of a tiny model."""
    return tiny_plan()
