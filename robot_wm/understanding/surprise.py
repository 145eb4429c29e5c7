"""Surprise: how far what is seen is from what was expected, over sliding windows (arXiv 2502.11831, section 2).

What breaks a law shows at one place and one moment, while what moves lawfully is never foreseen to the pixel
anywhere. So large errors count more than many small ones: means over places and over frames are power means.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Predict = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Tokens (B, W, n, D) of windows to normalised tokens and what is expected one frame after each, shaped alike."""

STRIDE = 4
"""Frames between two windows."""
CONTEXT = 2
"""Frames that are seen before the first expectation counts."""
POWER = 4
"""Of the power means."""


def surprise_over_time(predict: Predict, tokens: np.ndarray, window: int, stride: int = STRIDE) -> np.ndarray:
    """Surprise at each frame of clips.

    Args:
        predict: The predictor of windows.
        tokens: Dense tokens (C, F, n, D) of C clips.
        window: Frames W of a window; windows begin every `stride` frames.

    Returns:
        L1 between expected and true tokens, float64 (C, F), its power mean over places, of the window that expected the
        frame best; NaN for the first frames, which nothing was expected of.
    """
    surprise = np.full(tokens.shape[:2], np.inf)
    for start in range(0, tokens.shape[1] - window + 1, stride):
        target, expected = predict(tokens[:, start : start + window].astype(np.float32))
        errors = np.abs(expected[:, CONTEXT - 1 : -1] - target[:, CONTEXT:]).mean(-1, dtype=np.float64)
        seen = slice(start + CONTEXT, start + window)
        surprise[:, seen] = np.minimum(surprise[:, seen], _power_mean(errors))
    surprise[np.isinf(surprise)] = np.nan
    return surprise


def clip_surprise(over_time: np.ndarray) -> np.ndarray:
    """One number (C,) a clip: the power mean over its frames (C, F) that something was expected of."""
    return _power_mean(over_time[:, ~np.isnan(over_time).any(axis=0)])


def _power_mean(values: np.ndarray) -> np.ndarray:
    return (values**POWER).mean(-1) ** (1 / POWER)


def pairwise_accuracy(possible: np.ndarray, impossible: np.ndarray) -> float:
    """Share of pairs in which the impossible clip surprises more; a tie counts half."""
    return float(np.mean((impossible > possible) + 0.5 * (impossible == possible)))
