"""Before motion: is the tool seen where it is, and are the pictures like those that the model was trained with?

The arm nods: it goes up a little, to both sides and back. Meanwhile the tool's place is read from each latent and
compared with the place that the joints say. One reading is wrong by a centimetre or two; the mean over a nod tells a
camera that was moved from one that was not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from robot_wm.contract import Contract
from robot_wm.errors import BundleError

FRAMES = 8
"""Latents that a verdict needs."""
LEAST_WAY_M = 0.02
"""How far the tool must have moved for a verdict."""
NOD_S = 2.0
_HEIGHT_M, _SIDE_M = 0.04, 0.02


@dataclass(frozen=True)
class ViewBounds:
    """What is usual, measured on episodes that the reading was not fitted to.

    Attributes:
        precision: (3, 3) inverse covariance, 1/m², of the mean difference between read and true place.
        place: Largest usual length of that difference, in its standard deviations.
        odd: Largest usual mean oddness.
    """

    precision: np.ndarray
    place: float
    odd: float

    @classmethod
    def from_metrics(cls, metrics: Mapping[str, Any], source: str) -> ViewBounds:
        """Reads the entry `view` of a bundle's metrics; BundleError when it is malformed."""
        entry = metrics.get("view")
        try:
            precision = np.array(entry["precision"], dtype=np.float64)  # type: ignore[index]
            place, odd = float(entry["place_bound"]), float(entry["odd_bound"])  # type: ignore[index]
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"{source}: metrics.view is {entry!r}; train it again with robot-wm camera") from error
        whole = precision.shape == (3, 3) and bool(np.all(np.isfinite([*precision.ravel(), place, odd])))
        if not whole or place <= 0 or odd <= 0 or np.any(np.linalg.eigvalsh(precision + precision.T) <= 0):
            raise BundleError(f"{source}: metrics.view holds {entry!r}; expected a positive definite matrix and bounds")
        return cls(precision, place, odd)

    def strangeness(self, offset: np.ndarray) -> np.ndarray:
        """Length of mean differences (..., 3), metres, in their usual standard deviations."""
        return np.sqrt(np.einsum("...i,ij,...j->...", offset, self.precision, offset))


class ViewCheck:
    """Collects what was seen during one nod.

    Args:
        bounds: What is usual.
    """

    def __init__(self, bounds: ViewBounds) -> None:
        self._bounds = bounds
        self._seen: list[np.ndarray] = []
        self._true: list[np.ndarray] = []
        self._odd: list[float] = []

    def look(self, seen: np.ndarray, oddness: float, true: np.ndarray) -> None:
        """Takes the place (3,) that was read from a latent, its oddness, and the measured place (3,), metres."""
        self._seen.append(np.array(seen, dtype=np.float64))
        self._true.append(np.array(true, dtype=np.float64))
        self._odd.append(float(oddness))

    @property
    def is_enough(self) -> bool:
        """Whether there are enough latents, and the tool moved between them."""
        if len(self._true) < FRAMES:
            return False
        return bool(np.linalg.norm(np.ptp(self._true, axis=0)) >= LEAST_WAY_M)

    @property
    def offset(self) -> np.ndarray:
        """Mean difference (3,) between where the tool was seen and where it was, metres."""
        return np.mean(np.array(self._seen) - np.array(self._true), axis=0)

    def refusal(self) -> str:
        """Why the arm must not move by what the camera shows, or ""."""
        strangeness, odd = float(self._bounds.strangeness(self.offset)), float(np.mean(self._odd))
        if not strangeness <= self._bounds.place:
            x, y, z = self.offset
            return (
                f"the tool is seen ({x:+.3f}, {y:+.3f}, {z:+.3f}) m from where it is, {strangeness:.1f} standard "
                f"deviations where {self._bounds.place:.1f} are usual: was the camera or the robot moved?"
            )
        if not odd <= self._bounds.odd:
            return (
                f"the pictures are unlike those of the training: oddness {odd:.2f}, at most {self._bounds.odd:.2f} is "
                "usual; look at lens, light, colours and what stands on the table"
            )
        return ""


def nod(start: np.ndarray, times_s: np.ndarray, contract: Contract) -> np.ndarray:
    """Poses (T, 7) of the tool on its way up, to both sides and back to `start` (7,) at `times_s` (T,) after its begin.

    It leaves upwards, or downwards under the top of the contract's workspace, and stays within it or, where the tool is
    outside, where it is.
    """
    angle = 2 * np.pi * np.clip(np.asarray(times_s, dtype=np.float64) / NOD_S, 0.0, 1.0)
    low, high = np.array(contract.workspace_low), np.array(contract.workspace_high)
    upward = 1.0 if start[2] + _HEIGHT_M <= high[2] else -1.0
    poses = np.repeat(np.asarray(start, dtype=np.float64)[None], len(angle), axis=0)
    poses[:, 2] += upward * _HEIGHT_M * (1 - np.cos(angle)) / 2
    poses[:, 1] += _SIDE_M * np.sin(angle) * (1 - np.cos(angle))
    poses[:, :3] = np.clip(poses[:, :3], np.minimum(low, start[:3]), np.maximum(high, start[:3]))
    return poses
