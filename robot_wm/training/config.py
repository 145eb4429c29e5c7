"""The typed configuration of a whole training run; presets are instances of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from robot_wm.training.objectives import Weights
from robot_wm.training.slow_objectives import SlowWeights
from robot_wm.training.windows import WindowConfig
from robot_wm.world_model.model import ModelConfig
from robot_wm.world_model.slow import SlowConfig

StageName = Literal["pretrain", "joint", "heads"]


@dataclass(frozen=True)
class Schedule:
    """Steps and learning rate of a stage: linear warm-up, constant, linear cool-down.

    Attributes:
        steps: Optimiser steps.
        batch: Samples a step: clips, windows or frames.
        rate: Learning rate of the constant part.
        warmup: Steps of the warm-up.
        cooldown: Share of the steps that cool down to nothing.
    """

    steps: int
    batch: int
    rate: float
    warmup: int = 100
    cooldown: float = 0.35

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        rise = min(1.0, (step + 1) / self.warmup)
        fall = min(1.0, (self.steps - step) / max(1.0, self.cooldown * self.steps))
        return self.rate * rise * fall


@dataclass(frozen=True)
class PretrainConfig:
    """Masked video pre-training of the encoder.

    Attributes:
        frames: Frames of a clip.
        stride: Steps between two frames of a clip.
        momentum: Share of the target encoder that each step keeps.
        variance: Weight of the hinge on the spread of each channel of the dense tokens, place by place.
        covariance: Weight of the correlation between those channels; without it a small run sees only the lighting.
        sigreg: Weight of SIGReg on the dense tokens, where that is the plan's regulariser.
    """

    schedule: Schedule = field(default_factory=lambda: Schedule(steps=100, batch=24, rate=1e-3))
    frames: int = 8
    stride: int = 1
    momentum: float = 0.99
    variance: float = 1.0
    covariance: float = 0.5
    sigreg: float = 0.09


@dataclass(frozen=True)
class LevelsConfig:
    """The slow level and how it is trained.

    Attributes:
        strides: Strides of a window: the longest roll-out that is trained.
        goals: Further frames after the window, as goals.
        reach: Longest distance of a goal, steps.
    """

    model: SlowConfig = field(default_factory=SlowConfig)
    schedule: Schedule = field(default_factory=lambda: Schedule(steps=2500, batch=64, rate=1e-3))
    weights: SlowWeights = field(default_factory=SlowWeights)
    strides: int = 5
    goals: int = 2
    reach: int = 49


@dataclass(frozen=True)
class TrainingPlan:
    """All stages of one model.

    Attributes:
        pretrain: Stage 1, masked video prediction: the encoder.
        joint: Stage 2, action-conditioned: encoder, predictor and heads together.
        heads: Stage 3, on frozen latents: predictor, critic and policy.
        refine: One more such stage for each further dataset.
        stages: Which of the first three stages are run. "pretrain" alone makes an encoder; "joint" and "heads"
            without it go on from another run's (`--init`).
        freeze_video: Stage 2 leaves the video encoder as it is and learns the read-out, the predictor and the heads.
        regulariser: What keeps the latents of stages 1 and 2 from collapsing: VICReg's variance and covariance, or
            SIGReg.
        levels: Last stage, on frozen latents: the slow level; no steps leave it out.
        heads_window: Windows of heads and refine; longer roll-outs than stage 2 can afford.
        held_out: Share of the episodes that only monitors see.
        decay: Weight decay of AdamW.
        clip: Largest gradient norm.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    weights: Weights = field(default_factory=Weights)
    window: WindowConfig = field(default_factory=WindowConfig)
    pretrain: PretrainConfig = field(default_factory=PretrainConfig)
    joint: Schedule = field(default_factory=lambda: Schedule(steps=5200, batch=50, rate=2e-3, warmup=200))
    heads: Schedule = field(default_factory=lambda: Schedule(steps=2000, batch=64, rate=1e-3))
    refine: Schedule = field(default_factory=lambda: Schedule(steps=2500, batch=64, rate=1e-3))
    stages: tuple[StageName, ...] = ("pretrain", "joint", "heads")
    freeze_video: bool = False
    regulariser: Literal["vicreg", "sigreg"] = "vicreg"
    levels: LevelsConfig = field(default_factory=LevelsConfig)
    heads_window: WindowConfig = field(default_factory=lambda: WindowConfig(frames=9, goals=4))
    held_out: float = 0.04
    decay: float = 1e-3
    clip: float = 1.0
