"""The report of levels: a perfect model is perfect at every horizon, and one that drifts is seen to."""

from __future__ import annotations

import numpy as np
import pytest

from robot_wm.level_report import Windows, level_report


class Fast:
    """Latent (1, 3) is the tool's position; each step moves it as the action says, and drifts."""

    horizon = 3

    def __init__(self, drift: float = 0.0) -> None:
        self.drift = drift

    def rollout(self, latent: np.ndarray, state: np.ndarray, actions: np.ndarray) -> np.ndarray:
        steps = np.arange(1, actions.shape[1] + 1)[:, None]
        return (latent[0] + np.cumsum(actions[..., :3], axis=1) + self.drift * steps)[:, :, None]


class Slow:
    """The same in strides of four, without drift; a macro-action is the sum of the actions."""

    stride = 4

    def abstract(self, latents: np.ndarray) -> np.ndarray:
        return 10.0 * latents

    def encode_macros(self, actions: np.ndarray) -> np.ndarray:
        return actions[..., :3].sum(axis=1)

    def step(self, latents: np.ndarray, macros: np.ndarray) -> np.ndarray:
        return latents + 10.0 * macros[:, None]


@pytest.fixture
def windows() -> Windows:
    rng = np.random.default_rng(0)
    actions = np.zeros((20, 12, 7), np.float32)
    actions[..., :3] = rng.normal(0, 0.02, (20, 12, 3))
    states = np.tile(np.array([0, 0, 0, 1, 0, 0, 0, 0], np.float32), (20, 1))
    states[:, :3] = rng.uniform(0.3, 0.6, (20, 3))
    path = states[:, None, :3] + np.cumsum(actions[..., :3], axis=1)
    places = np.concatenate([states[:, None, :3], path[:, 3::4]], axis=1)
    return Windows(places[:, :, None].astype(np.float32), states, actions, {"ee": places})


def test_a_perfect_model_is_perfect_at_every_horizon(windows: Windows) -> None:
    rows = level_report(Fast(), Slow(), windows, np.random.default_rng(1))
    assert list(rows) == ["fast 4", "slow 4", "fast 8", "slow 8", "fast 12", "slow 12"]
    for row in rows.values():
        assert row["error"] < 1e-5 and row["ranking"] == 1.0


def test_drift_shows_with_the_horizon(windows: Windows) -> None:
    rows = level_report(Fast(drift=0.004), Slow(), windows, np.random.default_rng(1))
    errors = [rows[f"fast {steps}"]["error"] for steps in (4, 8, 12)]
    assert errors == sorted(errors) and errors[-1] > 2.5 * errors[0] > 10 * rows["slow 12"]["error"]
    assert rows["fast 12"]["ee_mm"] > 1.5 * rows["slow 12"]["ee_mm"]
    assert rows["fast 12"]["ranking"] < 1.0
