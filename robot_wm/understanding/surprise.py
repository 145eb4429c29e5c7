"""Surprise: how far what is seen is from what was expected, over sliding windows (arXiv 2502.11831, section 2).

The distance is weighed against that which was to be expected at each place: a thing that falls fast is seldom foreseen
to the pixel and surprises nobody by that, while a small change where all is calm does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Predict = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Tokens (B, W, n, D) of windows to normalised tokens (B, W, n, D), expectations (B, W, horizons, n, D) and their
expected mean L1 errors (B, W, horizons, n)."""

STRIDE = 4
"""Frames between two windows."""
CONTEXT = 2
"""Frames that are seen before the first expectation counts."""
DOUBT = 0.5
"""How much an error that was to be expected excuses: nothing at 0, all at 1."""


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
        L1 between expected and true tokens over the expected error to the power of `DOUBT`, float64 (C, F), the mean
        over places, windows and horizons; NaN for the first frames, which nothing was expected of.
    """
    clips, frames = tokens.shape[:2]
    total, count = np.zeros((clips, frames)), np.zeros(frames)
    for start in range(0, frames - window + 1, stride):
        target, expected, spread = predict(tokens[:, start : start + window].astype(np.float32))
        for index, ahead in enumerate(horizons):
            told = slice(CONTEXT - 1, window - ahead)
            errors = np.abs(expected[:, told, index] - target[:, told.start + ahead :]).mean(-1)
            seen = slice(start + told.start + ahead, start + window)
            total[:, seen] += (errors / spread[:, told, index] ** DOUBT).mean(-1)
            count[seen] += 1
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def clip_surprise(over_time: np.ndarray) -> np.ndarray:
    """One number (C,) a clip: the mean over its frames (C, F) that something was expected of."""
    return np.nanmean(over_time, axis=1)


def pairwise_accuracy(possible: np.ndarray, impossible: np.ndarray) -> float:
    """Share of pairs in which the impossible clip surprises more; a tie counts half."""
    return float(np.mean((impossible > possible) + 0.5 * (impossible == possible)))
