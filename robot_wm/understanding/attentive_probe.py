"""The attentive probe: learned queries look over the dense tokens of each frame, a perceptron over their answers."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from robot_wm.training.config import Schedule
from robot_wm.training.optimise import descend
from robot_wm.understanding.probes import Question

QUERIES, WIDTH, HIDDEN = 8, 32, 128
CLIPS_AT_ONCE = 256


class AttentiveProbe(nn.Module):
    """Attention pooling of the tokens of each frame, then a perceptron over all frames (arXiv 2404.08471, section 4).

    Args:
        frames: Frames K of a clip.
        places: Tokens n of a frame.
        channels: Their channels.
        outputs: Numbers to tell.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, frames: int, places: int, channels: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(places, channels))
        self.register_buffer("scale", torch.ones(()))
        self.place = nn.Parameter(0.1 * torch.randn(places, WIDTH))
        self.key, self.value = nn.Linear(channels, QUERIES), nn.Linear(channels, WIDTH)
        self.read = nn.Sequential(
            nn.Linear(frames * QUERIES * WIDTH, HIDDEN), nn.LayerNorm(HIDDEN), nn.GELU(), nn.Linear(HIDDEN, outputs)
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (B, K, n, channels) to outputs (B, outputs)."""
        tokens = (tokens - self.mean) / self.scale
        attention = self.key(tokens).softmax(dim=2)
        pooled = attention.transpose(2, 3) @ (self.value(tokens) + self.place)
        return self.read(pooled.flatten(1))


def attentive_probe(question: Question, tokens: np.ndarray, schedule: Schedule, seed: int) -> float:
    """Score of an attentive probe that is trained on the dense tokens of all frames (rows, n, channels).

    Raises:
        TrainingError: The loss is not finite.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        targets = question.targets
        places, channels = tokens.shape[1:]
        probe = AttentiveProbe(question.clips.shape[1], places, channels, targets.shape[1])
        seen = np.flatnonzero(~question.held_out)
        _fit(probe, question, tokens, targets[seen], schedule, np.random.default_rng(seed))
    unseen = question.clips[question.held_out]
    with torch.inference_mode():
        parts = [probe(_take(tokens, unseen[i : i + CLIPS_AT_ONCE])) for i in range(0, len(unseen), CLIPS_AT_ONCE)]
    outputs = torch.cat(parts).numpy()
    if question.kind == "position":
        outputs = outputs * targets[seen].std(0) + targets[seen].mean(0)
    return question.score(outputs)


def _fit(
    probe: AttentiveProbe,
    question: Question,
    tokens: np.ndarray,
    targets: np.ndarray,
    schedule: Schedule,
    rng: np.random.Generator,
) -> None:
    clips = question.clips[~question.held_out]
    sample = torch.from_numpy(tokens[np.sort(rng.choice(clips.ravel(), min(2000, clips.size)))].astype(np.float32))
    probe.mean.copy_(sample.mean(0))
    probe.scale.copy_((sample - probe.mean).std() + 1e-5)
    wanted = torch.from_numpy((targets - targets.mean(0)) / targets.std(0)) if question.kind == "position" else None
    classes = torch.from_numpy(targets.argmax(1)) if wanted is None else None
    optimizer = torch.optim.AdamW(probe.parameters(), lr=schedule.rate, weight_decay=1e-2)
    for step in range(schedule.steps):
        rows = np.sort(rng.integers(len(clips), size=schedule.batch))
        outputs = probe(_take(tokens, clips[rows]))
        if wanted is not None:
            loss = functional.smooth_l1_loss(outputs, wanted[rows])
        else:
            assert classes is not None
            loss = functional.cross_entropy(outputs, classes[rows])
        descend(optimizer, schedule, step, loss, f"probe '{question.name}'")


def _take(tokens: np.ndarray, rows: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(tokens[rows].astype(np.float32))
