"""What the model imagines of a plan, beside what happens then."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from robot_wm.actions import displacement
from robot_wm.deploy.bundle import Bundle
from robot_wm.deploy.session import OnnxWorldModel
from robot_wm.understanding.optional_graph import OptionalGraph
from ros_nodes.console.board import Shot
from ros_nodes.conversions import Plan

KEPT = 20
"""Latents and pictures that are remembered, to find those of a plan's stamp."""
COLUMNS = 4


@dataclass(frozen=True)
class Moment:
    """What was known at a camera's stamp: latent float32 (N, D) and measured state float32 (8,)."""

    stamp_s: float
    latent: np.ndarray
    state: np.ndarray


@dataclass(frozen=True)
class Dream:
    """What a plan was imagined to bring.

    Attributes:
        due_s: Stamps (T,) at which the pictures should come true.
        pictures: uint8 (T, H, W, 3).
    """

    due_s: np.ndarray
    pictures: np.ndarray


class Imagination:
    """Rolls plans out in the world model and draws the latents; one thread feeds it, another thinks.

    Args:
        bundle: Model bundle with `decoder.onnx`.

    Raises:
        BundleError: The bundle has no decoder.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.contract = bundle.contract
        self._model = OnnxWorldModel(bundle, threads=1)
        learn = f"robot-wm imagine --learn --bundle {bundle.path}"
        self._decoder = OptionalGraph(bundle, "decoder", learn, threads=1)
        self._moments: deque[Moment] = deque(maxlen=KEPT)
        self._shots: deque[Shot] = deque(maxlen=4 * KEPT)
        self._lock = threading.Lock()
        self._dream: Dream | None = None

    @property
    def latent_shape(self) -> tuple[int, int]:
        """(N, D)."""
        return self._model.latent_shape

    def remember(self, moment: Moment) -> None:
        """Keeps what plans may rest on."""
        with self._lock:
            self._moments.append(moment)

    def see(self, shot: Shot) -> None:
        """Keeps what happens."""
        with self._lock:
            self._shots.append(shot)

    def think(self, plan: Plan) -> bool:
        """Imagines a plan, if the last one has come to its end and what it rests on is known."""
        with self._lock:
            newest_s = self._shots[-1].stamp_s if self._shots else -np.inf
            moment = next((entry for entry in self._moments if abs(entry.stamp_s - plan.stamp_s) < 1e-4), None)
        if moment is None or (self._dream is not None and newest_s < self._dream.due_s[-1]):
            return False
        actions = actions_of(plan, moment.state)[: self._model.horizon]
        padded = np.zeros((1, self._model.horizon, 7), np.float32)
        padded[0, : len(actions)] = actions
        latents = self._model.rollout(moment.latent, moment.state, padded)[0, : len(actions)]
        due_s = plan.stamp_s + self.contract.step_s * np.arange(1, len(actions) + 1)
        dream = Dream(due_s, self.draw(latents))
        with self._lock:
            self._dream = dream
        return True

    def draw(self, latents: np.ndarray) -> np.ndarray:
        """Pictures uint8 (T, H, W, 3) of latents (T, N, D)."""
        return np.rint(self._decoder(latents)[0] * 255).astype(np.uint8)

    def strip(self) -> np.ndarray | None:
        """Above what was imagined, below what happened at those times, grey where it has not yet; None before."""
        with self._lock:
            dream, shots = self._dream, list(self._shots)
        return None if dream is None else side_by_side(dream, shots, 0.5 * self.contract.step_s)


def actions_of(plan: Plan, state: np.ndarray) -> np.ndarray:
    """The actions float32 (T, 7) that lead from `state` (8,) along a plan's poses."""
    states = np.concatenate([plan.poses, plan.openings[:, None]], axis=1)
    before = np.concatenate([state[None], states[:-1]])
    return np.stack([displacement(*pair) for pair in zip(before, states, strict=True)])


def side_by_side(dream: Dream, shots: list[Shot], tolerance_s: float) -> np.ndarray:
    """Two rows of pictures uint8, imagined and happened, of evenly spread steps of a dream."""
    chosen = np.unique(np.linspace(0, len(dream.due_s) - 1, COLUMNS).round().astype(int)[-COLUMNS:])
    happened = []
    for step in chosen:
        near = min(shots, key=lambda shot: abs(shot.stamp_s - dream.due_s[step]), default=None)
        is_there = near is not None and abs(near.stamp_s - dream.due_s[step]) <= tolerance_s
        fits = near is not None and near.pixels.shape == dream.pictures.shape[1:]
        happened.append(near.pixels if near is not None and is_there and fits else np.full_like(dream.pictures[0], 60))
    rows = [_row([dream.pictures[step] for step in chosen]), _row(happened)]
    return np.concatenate([rows[0], np.full_like(rows[0][:4], 30), rows[1]])


def _row(pictures: list[np.ndarray]) -> np.ndarray:
    gap = np.full_like(pictures[0][:, :4], 30)
    parts = [part for picture in pictures for part in (picture, gap)]
    return np.concatenate(parts[:-1], axis=1)
