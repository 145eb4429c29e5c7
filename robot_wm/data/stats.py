"""Minimum, maximum, mean and standard deviation of a feature, in parts that can be merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class FeatureStats:
    """Statistics of `count` samples; each array has the shape of one sample."""

    min: np.ndarray
    max: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    count: int

    def merge(self, other: FeatureStats) -> FeatureStats:
        """The statistics of both sets of samples together."""
        count = self.count + other.count
        mean = (self.mean * self.count + other.mean * other.count) / count
        square = (self.std**2 + (self.mean - mean) ** 2) * self.count
        square = square + (other.std**2 + (other.mean - mean) ** 2) * other.count
        low, high = np.minimum(self.min, other.min), np.maximum(self.max, other.max)
        return FeatureStats(low, high, mean, np.sqrt(square / count), count)

    def to_plain(self) -> dict[str, Any]:
        """Nested lists under LeRobot's names."""
        arrays = {name: getattr(self, name).tolist() for name in ("min", "max", "mean", "std")}
        return {**arrays, "count": [self.count]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> FeatureStats:
        """Reads what `to_plain` gave."""
        arrays = {name: np.array(plain[name], dtype=np.float64) for name in ("min", "max", "mean", "std")}
        return cls(**arrays, count=int(plain["count"][0]))


def describe(column: np.ndarray) -> FeatureStats:
    """Statistics of the rows of (T,) or (T, n)."""
    rows = column.reshape(len(column), -1).astype(np.float64)
    return FeatureStats(rows.min(0), rows.max(0), rows.mean(0), rows.std(0), len(rows))


def describe_images(images: np.ndarray) -> FeatureStats:
    """Statistics of each channel of uint8 (T, H, W, 3) over all pixels, scaled to 0 ... 1, shaped (3, 1, 1)."""
    counts = np.zeros((3, 256), np.int64)
    for image in images:  # one at a time: bincount makes eight bytes of each
        counts += [np.bincount(image[..., channel].ravel(), minlength=256) for channel in range(3)]
    values = np.arange(256) / 255.0
    weights = counts / counts.sum(1, keepdims=True)
    mean = weights @ values
    std = np.sqrt(np.maximum(weights @ values**2 - mean**2, 0.0))
    low = values[np.argmax(counts > 0, axis=1)]
    high = values[255 - np.argmax(counts[:, ::-1] > 0, axis=1)]
    low, high, mean, std = (part.reshape(3, 1, 1) for part in (low, high, mean, std))
    return FeatureStats(low, high, mean, std, len(images))
