"""Probes: small read-outs on frozen features, fitted on some episodes and measured on others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

RIDGES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Penalties that are tried, as a share of the features' mean variance."""


@dataclass(frozen=True)
class Question:
    """What is asked of clips.

    Attributes:
        kind: "position" is a regression, measured by R²; "class" a choice, measured by accuracy.
        clips: Rows of the frames of each clip (M, K).
        answers: Positions float (M, d), or class numbers int (M,).
        held_out: Whether a clip belongs to an episode that only the measurement sees, bool (M,).
    """

    name: str
    kind: Literal["position", "class"]
    clips: np.ndarray
    answers: np.ndarray
    held_out: np.ndarray

    @property
    def targets(self) -> np.ndarray:
        """What a probe regresses on, float32 (M, d): positions, or one column a class."""
        if self.kind == "position":
            return self.answers.astype(np.float32)
        return np.eye(int(self.answers.max()) + 1, dtype=np.float32)[self.answers]

    def score(self, outputs: np.ndarray) -> float:
        """R² or accuracy of a probe's outputs (M', d) for the clips held out."""
        truth = self.answers[self.held_out]
        if self.kind == "class":
            return float(np.mean(outputs.argmax(1) == truth))
        return r_squared(outputs, truth)

    @property
    def commonest(self) -> float:
        """What naming the commonest answer always would score; 0 for positions."""
        if self.kind == "position":
            return 0.0
        usual = np.bincount(self.answers[~self.held_out]).argmax()
        return float(np.mean(self.answers[self.held_out] == usual))


def r_squared(outputs: np.ndarray, truth: np.ndarray) -> float:
    """Explained share of the variance, over all components together."""
    return float(1.0 - np.square(outputs - truth).sum() / np.square(truth - truth.mean(0)).sum())


def linear_probe(question: Question, latents: np.ndarray) -> float:
    """Score of a ridge regression on the latents of a clip's frames one after the other.

    The penalty is chosen on a fifth of the clips that it may see, the last ones.

    Args:
        latents: Latents of all frames (rows, N, D).
    """
    features = latents.reshape(len(latents), -1).astype(np.float64)[question.clips].reshape(len(question.clips), -1)
    seen = np.flatnonzero(~question.held_out)
    fit, check = np.split(seen, [round(0.8 * len(seen))])
    targets = question.targets
    trial = _Ridge(features[fit], targets[fit])
    chosen = min(RIDGES, key=lambda ridge: np.square(trial(features[check], ridge) - targets[check]).sum())
    return question.score(_Ridge(features[seen], targets[seen])(features[question.held_out], chosen))


class _Ridge:
    """Ridge regressions on the same samples with several penalties."""

    def __init__(self, features: np.ndarray, targets: np.ndarray) -> None:
        self._mean, self._offset = features.mean(0), targets.mean(0)
        centred = features - self._mean
        self._gram, self._moment = centred.T @ centred, centred.T @ (targets - self._offset)

    def __call__(self, unseen: np.ndarray, penalty: float) -> np.ndarray:
        strength = penalty * np.trace(self._gram) / len(self._gram)
        weights = np.linalg.solve(self._gram + strength * np.eye(len(self._gram)), self._moment)
        return (unseen - self._mean) @ weights + self._offset
