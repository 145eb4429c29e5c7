"""How well each level of the world model predicts, against the horizon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robot_wm.actions import integrate

CANDIDATES = 16
NOISE = 0.5
"""Spread of the noise on false candidates, in standard deviations of the actions."""
RIDGE = 3.0


class FastLevel(Protocol):
    """The fast level: steps of control."""

    @property
    def horizon(self) -> int: ...
    def rollout(self, latent: np.ndarray, state: np.ndarray, actions: np.ndarray) -> np.ndarray: ...


class SlowLevel(Protocol):
    """The slow level: strides, driven by macro-actions that encode the actions of a stride."""

    @property
    def stride(self) -> int: ...
    def abstract(self, latents: np.ndarray) -> np.ndarray: ...
    def encode_macros(self, actions: np.ndarray) -> np.ndarray: ...
    def step(self, latents: np.ndarray, macros: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Windows:
    """What really happened in S windows of K strides, K n = T steps.

    Attributes:
        latents: Latents of every stride's frame (S, K + 1, N, D).
        states: Tool states at the windows' begin (S, 8).
        actions: Actions (S, T, 7).
        places: Things whose position shall be told from predicted latents (S, K + 1, n) metres, by name.
    """

    latents: np.ndarray
    states: np.ndarray
    actions: np.ndarray
    places: dict[str, np.ndarray]


def level_report(
    fast: FastLevel, slow: SlowLevel, windows: Windows, rng: np.random.Generator
) -> dict[str, dict[str, float]]:
    """Figures of each level and horizon, by "fast 8", "slow 8", "fast 16", ….

    Returns:
        `error`: distance of the predicted latent from the true one, relative to that of other episodes' latents;
        `ranking`: how often the actions that were taken end nearer to what happened than the same actions with smooth
        noise on them, 0.5 is chance;
        `NAME_mm`: root mean square error of each place, told linearly from the predicted latent.
    """
    candidates = _candidates(windows.actions, rng)
    truth = {"fast": windows.latents, "slow": _each(slow.abstract, windows.latents)}
    predicted = {
        "fast": np.stack(
            [_follow_fast(fast, slow.stride, *item) for item in _items(windows.latents, windows, candidates)]
        ),
        "slow": np.stack([_follow_slow(slow, *item) for item in _items(truth["slow"], windows, candidates)]),
    }
    rows = {}
    for step in range(1, windows.latents.shape[1]):
        for level in ("fast", "slow"):
            true, ends = truth[level][:, step], predicted[level][:, :, step - 1]
            row = {"error": _relative_error(ends[:, 0], true), "ranking": _ranking(ends, true)}
            for name, places in windows.places.items():
                row[f"{name}_mm"] = _place_error(truth[level], places, ends[:, 0], places[:, step])
            rows[f"{level} {step * slow.stride}"] = row
    return rows


def _items(latents: np.ndarray, windows: Windows, candidates: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    return list(zip(latents[:, 0], windows.states, candidates, strict=True))


def _candidates(actions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The true actions, then the same with noise that is smooth over four steps: (S, C, T, 7)."""
    count, steps, size = actions.shape
    knots = rng.standard_normal((count, CANDIDATES - 1, steps // 4 + 2, size))
    at = np.arange(steps) / 4
    low, share = at.astype(int), (at % 1)[:, None]
    noise = (1 - share) * knots[:, :, low] + share * knots[:, :, low + 1]
    spread = NOISE * actions.std(axis=(0, 1))
    false = np.clip(actions[:, None] + spread * noise, actions.min((0, 1)), actions.max((0, 1)))
    return np.concatenate([actions[:, None], false], axis=1).astype(np.float32)


def _follow_fast(
    fast: FastLevel, stride: int, latent: np.ndarray, state: np.ndarray, actions: np.ndarray
) -> np.ndarray:
    """Latents (C, K, N, D) of each candidate (C, T, 7), the roll-out of the model repeated for each horizon."""
    futures = []
    for candidate in actions:
        here, now, path = latent, state, []
        for begin in range(0, len(candidate), fast.horizon):
            chunk = candidate[begin : begin + fast.horizon]
            padded = np.concatenate([chunk, np.repeat(chunk[-1:], fast.horizon - len(chunk), axis=0)])
            path.append(fast.rollout(here, now, padded[None])[0][: len(chunk)])
            here, now = path[-1][-1], integrate(now, chunk[None])[0, -1]
        futures.append(np.concatenate(path)[stride - 1 :: stride])
    return np.stack(futures)


def _follow_slow(slow: SlowLevel, latent: np.ndarray, state: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Slow latents (C, K, 1, Y) of each candidate (C, T, 7)."""
    latents, path = np.repeat(latent[None], len(actions), axis=0), []
    for begin in range(0, actions.shape[1], slow.stride):
        latents = slow.step(latents, slow.encode_macros(actions[:, begin : begin + slow.stride]))
        path.append(latents)
    return np.stack(path, axis=1)


def _each(function: Callable[[np.ndarray], np.ndarray], latents: np.ndarray) -> np.ndarray:
    flat = function(latents.reshape(-1, *latents.shape[2:]))
    return flat.reshape(*latents.shape[:2], *flat.shape[1:])


def _relative_error(predicted: np.ndarray, true: np.ndarray) -> float:
    return float(np.abs(predicted - true).mean() / np.abs(true - np.roll(true, 1, axis=0)).mean())


def _ranking(ends: np.ndarray, true: np.ndarray) -> float:
    distance = np.abs(ends - true[:, None]).mean((2, 3))
    return float((distance[:, :1] < distance[:, 1:]).mean())


def _place_error(latents: np.ndarray, places: np.ndarray, predicted: np.ndarray, true: np.ndarray) -> float:
    """Millimetres by which a linear read-out of true latents misses when it reads predicted ones."""

    def features(rows: np.ndarray) -> np.ndarray:
        return np.c_[rows.reshape(len(rows), -1), np.ones(len(rows))]

    known, target = features(latents.reshape(-1, *latents.shape[2:])), places.reshape(-1, places.shape[-1])
    weights = np.linalg.solve(known.T @ known + RIDGE * np.eye(known.shape[1]), known.T @ target)
    return float(1e3 * np.sqrt(np.square(features(predicted) @ weights - true).sum(1).mean()))
