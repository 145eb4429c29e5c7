"""Surprise: how far what is seen is from what was expected, over sliding windows (arXiv 2502.11831, section 2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Predict = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Tokens (B, W, n, D) of windows to normalised tokens (B, W, n, D) and expectations (B, W, horizons, n, D)."""

STRIDE = 4
"""Frames between two windows."""
CONTEXT = 2
"""Frames that are seen before the first expectation counts."""


def surprise_over_time(
    predict: Predict, tokens: np.ndarray, window: int, horizons: tuple[int, ...], stride: int = STRIDE
) -> np.ndarray:
    """Surprise at each frame of clips.

    Args:
        predict: The predictor of windows.
        tokens: Dense tokens (C, F, n, D) of C clips.
        window: Frames W of a window; windows begin every `stride` frames.
        horizons: Frames ahead of each of the predictor's expectations.

    Returns:
        Mean L1 between expected and true tokens, float64 (C, F), the mean over windows and horizons; NaN for the first
        frames, which nothing was expected of.
    """
    clips, frames = tokens.shape[:2]
    total, count = np.zeros((clips, frames)), np.zeros(frames)
    for start in range(0, frames - window + 1, stride):
        target, expected = predict(tokens[:, start : start + window].astype(np.float32))
        for index, ahead in enumerate(horizons):
            first = CONTEXT - 1
            errors = np.abs(expected[:, first : window - ahead, index] - target[:, first + ahead :]).mean((2, 3))
            seen = slice(start + first + ahead, start + window)
            total[:, seen] += errors
            count[seen] += 1
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def clip_surprise(over_time: np.ndarray) -> np.ndarray:
    """One number (C,) a clip: the mean over its frames (C, F) that something was expected of."""
    return np.nanmean(over_time, axis=1)


def pairwise_accuracy(possible: np.ndarray, impossible: np.ndarray) -> float:
    """Share of pairs in which the impossible clip surprises more; a tie counts half."""
    return float(np.mean((impossible > possible) + 0.5 * (impossible == possible)))
