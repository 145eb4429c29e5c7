"""The searched part of the action space, scaled so that every free dimension runs from -1 to 1."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from robot_wm.contract import Contract


class SearchSpace(Protocol):
    """What a planner searches: `free` coordinates from -1 to 1, each of which means an action."""

    @property
    def free(self) -> int: ...
    def to_actions(self, unit: np.ndarray) -> np.ndarray: ...
    def to_unit(self, actions: np.ndarray) -> np.ndarray: ...
    def scale(self, std: np.ndarray) -> np.ndarray: ...
    def clip(self, actions: np.ndarray) -> np.ndarray: ...


class MacroSpace:
    """Macro-actions (..., M), which run from -1 to 1 as they are.

    Attributes:
        free: M.
    """

    def __init__(self, macro: int) -> None:
        self.free = macro

    def to_actions(self, unit: np.ndarray) -> np.ndarray:
        """Macro-actions float32 of coordinates, moved to the nearest bound where they lie outside."""
        return self.clip(unit)

    def to_unit(self, actions: np.ndarray) -> np.ndarray:
        """Coordinates of macro-actions: themselves."""
        return actions

    def scale(self, std: np.ndarray) -> np.ndarray:
        """Spreads in coordinates: themselves."""
        return std

    def clip(self, actions: np.ndarray) -> np.ndarray:
        """Macro-actions moved to the nearest bound where they lie outside."""
        return np.clip(actions, -1.0, 1.0).astype(np.float32, copy=False)


class ActionSpace:
    """Bounds of a contract; dimensions whose bounds are equal are fixed and not searched.

    Attributes:
        free: Number F of searched dimensions.
        frees_gripper: Whether the gripper is one of them.
    """

    def __init__(self, contract: Contract) -> None:
        self.low = np.asarray(contract.action_low, dtype=np.float32)
        self.high = np.asarray(contract.action_high, dtype=np.float32)
        self._centre = (self.low + self.high) / 2
        self._half = (self.high - self.low) / 2
        self._searched = np.flatnonzero(self._half > 0)
        self.free = len(self._searched)
        self.frees_gripper = bool(self._half[6] > 0)

    def to_actions(self, unit: np.ndarray) -> np.ndarray:
        """Actions float32 (..., 7) within the bounds, from coordinates (..., F), which are clipped to [-1, 1]."""
        actions = np.broadcast_to(self._centre, (*unit.shape[:-1], len(self._centre))).copy()
        actions[..., self._searched] += np.clip(unit, -1.0, 1.0) * self._half[self._searched]
        return self.clip(actions)

    def to_unit(self, actions: np.ndarray) -> np.ndarray:
        """Coordinates (..., F) of actions (..., 7)."""
        return ((actions - self._centre)[..., self._searched]) / self._half[self._searched]

    def scale(self, std: np.ndarray) -> np.ndarray:
        """Spreads (..., F) in coordinates, of spreads (..., 7) in physical units."""
        return std[..., self._searched] / self._half[self._searched]

    def clip(self, actions: np.ndarray) -> np.ndarray:
        """Actions (..., 7) moved to the nearest bound where they lie outside."""
        return np.clip(actions, self.low, self.high).astype(np.float32, copy=False)


def smoothing(horizon: int, correlation_steps: float) -> np.ndarray:
    """Matrix (H, H) that turns white noise over the horizon into smooth noise of unit variance.

    Neighbouring steps correlate as `exp(-(i - j)^2 / (2 correlation_steps^2))`: the Cholesky factor of that kernel.
    """
    if correlation_steps <= 0:
        return np.eye(horizon)
    steps = np.arange(horizon)
    kernel = np.exp(-0.5 * ((steps[:, None] - steps) / correlation_steps) ** 2)
    return np.linalg.cholesky(kernel + 1e-6 * np.eye(horizon))
