"""The ensemble: it agrees where it was taught, and its bound keeps its promise; then in a bundle, and in an agent."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from robot_wm.agent import Agent
from robot_wm.deploy.bundle import load_bundle
from robot_wm.deploy.ensemble_session import OnnxEnsemble
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.errors import BundleError, TrainingError
from robot_wm.training.config import Schedule
from robot_wm.understanding.episodes import Episodes
from robot_wm.understanding.learn_ensemble import calibrated, learn, steps_of, train_ensemble
from robot_wm.understanding.uncertainty import auroc, select


def test_members_agree_where_there_was_data_and_differ_elsewhere() -> None:
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(2000, 8 + 15)).astype(np.float32)
    displacements = np.tanh(steps[:, :8] + steps[:, -7:-6])
    model = train_ensemble(steps, displacements, Schedule(300, 128, 5e-3, warmup=20), seed=0)
    with torch.inference_mode():
        known = model(torch.from_numpy(rng.normal(size=(500, 23)).astype(np.float32))).numpy()
        unknown = model(torch.from_numpy(6 * rng.normal(size=(500, 23)).astype(np.float32))).numpy()
    assert auroc(known, unknown) > 0.95


def test_few_episodes_like_those_held_out_exceed_the_bound() -> None:
    rng = np.random.default_rng(0)
    bound = calibrated(rng.gamma(2.0, size=200 * 20), np.repeat(np.arange(200), 20))
    alarms = [(run[2:] > bound) & (run[1:-1] > bound) & (run[:-2] > bound) for run in rng.gamma(2.0, size=(500, 20))]
    assert np.mean([alarm.any() for alarm in alarms]) < 0.06
    with pytest.raises(TrainingError, match="--held-out"):
        calibrated(rng.gamma(2.0, size=200), np.repeat(np.arange(10), 20))


def test_auroc_of_known_cases() -> None:
    assert auroc(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 1.0
    assert auroc(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.5


def noise(count: int, frames: int) -> Episodes:
    """Episodes of noise."""
    rng, total = np.random.default_rng(0), count * frames
    states, actions = rng.normal(size=(total, 8)), rng.normal(size=(total, 7))
    return Episodes(
        rng.integers(0, 256, (total, 96, 96, 3), dtype=np.uint8),
        states.astype(np.float32),
        actions.astype(np.float32),
        np.arange(0, total, frames),
        np.full(count, frames),
        {},
    )


def test_steps_do_not_cross_episodes() -> None:
    episodes = noise(3, 4)
    latents = np.arange(12, dtype=np.float32)[:, None, None]
    steps, displacements, number = steps_of(latents, episodes)
    assert steps.shape == (9, 16) and np.all(displacements == 1.0)
    np.testing.assert_array_equal(number, [0, 0, 0, 1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(select(episodes, np.array([2, 0])).states[:4], episodes.states[8:])


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ensemble") / "bundle"
    shutil.copytree(tiny_bundle, path)
    model = OnnxWorldModel(load_bundle(path))
    episodes = noise(60, 5)
    learn(path, 1.0, model.encode_dense, select(episodes, np.arange(8)), episodes, Schedule(3, 16, 1e-3), 0)
    return path


def test_a_bundle_with_an_ensemble_tells_what_it_does_not_know(
    bundle: Path, tiny_bundle: Path, image: np.ndarray, state: np.ndarray
) -> None:
    agent = Agent.load(bundle)
    agent.set_goal(image[::-1].copy())
    decision = agent.act(image, state)
    assert decision.uncertainty is not None and decision.uncertainty > 0
    ensemble = OnnxEnsemble(load_bundle(bundle))
    spread = ensemble.disagreement(agent.encode(image)[None], state[None], decision.actions[:1])
    assert decision.uncertainty == pytest.approx(spread[0] / ensemble.bound, rel=1e-4)
    assert Agent.load(tiny_bundle).settings.uncertainty_weight > 0  # and yet it works without an ensemble
    with pytest.raises(BundleError, match="robot-wm uncertainty --learn"):
        OnnxEnsemble(load_bundle(tiny_bundle))


def test_an_agent_that_asks_does_not_act_where_it_knows_nothing(
    bundle: Path, image: np.ndarray, state: np.ndarray
) -> None:
    agent = Agent.load(bundle, asks=True)
    agent.set_goal(image[::-1].copy())
    assert agent._doubt is not None
    agent._doubt.bound = 1e-9
    agent.set_goal(image[::-1].copy())
    decisions = [agent.act(image, state) for _ in range(4)]
    assert [decision.status for decision in decisions] == ["act"] * 3 + ["hold"]
    assert decisions[-1].situation == "unsure" and decisions[-1].reason.endswith("?")
