"""Episodes of several datasets, one after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from robot_wm.training.compute import Compute
from robot_wm.training.config import TrainingPlan
from robot_wm.training.stages import Heads
from robot_wm.training.windows import Frames, WindowConfig, draw
from robot_wm.world_model.model import WorldModel


def test_joined_episodes_keep_their_rows(frames: Frames) -> None:
    train, held_out = frames.split(0.25)
    joined = Frames.joined([train, frames])
    assert len(joined.starts) == 2 * len(frames.starts) - len(held_out.starts)
    first_of_second = joined.starts[len(train.starts)]
    assert first_of_second == len(frames.states)
    assert np.array_equal(joined.states[first_of_second + 3], frames.states[frames.starts[0] + 3])
    assert np.array_equal(joined.actions[first_of_second + 3], frames.actions[frames.starts[0] + 3])


def test_only_what_somebody_chose_is_imitated(frames: Frames, plan: TrainingPlan) -> None:
    guided = np.random.default_rng(0).random(len(frames.actions)) < 0.5
    partly = replace(frames, guided=guided)
    window = draw(Frames.joined([frames, partly]), plan.window, 300, np.random.default_rng(1))
    first, wanted = len(frames.images), window.chunk_valid.copy()
    corrected = window.chunk_rows >= first
    wanted[corrected] &= guided[window.chunk_rows[corrected] - first]
    assert np.array_equal(window.chunk_guided, wanted) and 0 < wanted.sum() < window.chunk_valid.sum()


def test_the_policy_learns_nothing_from_actions_that_are_none_to_imitate(frames: Frames, plan: TrainingPlan) -> None:
    torch.manual_seed(0)
    model, nobody = WorldModel(plan.model), np.zeros(len(frames.actions), bool)
    losses = {}
    for name, guided in (("all", None), ("none", nobody)):
        stage = Heads(plan, model, replace(frames, guided=guided), Compute(torch.device("cpu")), seed=0)
        losses[name] = stage.loss(0)[1]
    assert losses["none"]["policy"] == 0.0 < losses["all"]["policy"]
    for term in ("teacher", "rollout", "critic"):
        assert losses["none"][term] == losses["all"][term] > 0.0


def test_the_last_stage_draws_further_episodes_with_their_own_latents(frames: Frames, plan: TrainingPlan) -> None:
    torch.manual_seed(0)
    model = WorldModel(plan.model)
    train, held_out = frames.split(0.25)
    alone = Heads(plan, model, train, Compute(torch.device("cpu")), seed=0)
    stage = Heads(plan, model, train, Compute(torch.device("cpu")), 0, [held_out])
    rows = draw(stage.frames, WindowConfig(frames=2, goals=1), 200, np.random.default_rng(0)).rows
    assert (rows >= len(frames.states)).any()
    own = held_out.starts[0]
    assert np.allclose(stage.latents[len(frames.states) + own], alone.latents[own], atol=1e-5)
