"""The gates between training and a robot: a model whose latent collapsed, or that ignores actions, is not exported."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Gates:
    """Least values of what `robot_wm.training.monitors.monitor` measures on held-out episodes.

    Attributes:
        effective_rank: 1 where the latent moves along one line only.
        channel_std: Regularised latents have about 1; those that collapse go towards 0.
        action_sensitivity: A predictor that ignores actions has 0, one that takes them in full about 1.
        ranking: 0.5 is chance.
        rank_correlation: 0 is chance.
    """

    effective_rank: float = 8.0
    channel_std: float = 0.3
    action_sensitivity: float = 0.3
    ranking: float = 0.8
    rank_correlation: float = 0.4

    def failures(self, metrics: Mapping[str, Any]) -> list[str]:
        """What does not pass, in words; empty when all does."""
        found = []
        for name, least in asdict(self).items():
            value = metrics.get(name)
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                found.append(f"{name} is not measured (run `robot-wm train` again, it measures finished runs)")
            elif value < least:
                found.append(f"{name} is {value:.3g}, at least {least:g} is needed")
        return found
