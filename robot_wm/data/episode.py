"""One episode: what the robot saw, measured and did, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from robot_wm.contract import ACTION_NAMES, STATE_NAMES, Contract
from robot_wm.errors import DatasetError

MONITOR_DTYPES = ("float32", "float64", "int64", "bool")


@dataclass(frozen=True)
class Episode:
    """Arrays of `T` frames; `actions[t]` was executed between frame `t` and frame `t + 1`.

    Attributes:
        images: (T, H, W, 3) uint8, RGB.
        states: (T, 8) float32, `STATE_NAMES`.
        actions: (T, 7) float32, `ACTION_NAMES`.
        stamps: (T,) float64, seconds at which the images were taken, strictly increasing.
        task: The task in words.
        monitor: Further columns of T rows for monitoring only, such as the true position of an object; a model
            never gets them as input. Of one of `MONITOR_DTYPES`, one value or one vector a frame.

    Raises:
        DatasetError: An array has another type or shape, or holds a number that is not finite.
    """

    images: np.ndarray
    states: np.ndarray
    actions: np.ndarray
    stamps: np.ndarray
    task: str
    monitor: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames = len(self.images)
        if not self.task:
            raise DatasetError("episode: the task is empty; it must say in words what was to be done")
        if frames == 0:
            raise DatasetError(f"episode '{self.task}': it has no frames; at least one is needed")
        if self.images.ndim != 4 or self.images.shape[-1] != 3:
            raise DatasetError(f"episode '{self.task}': images are {self.images.shape}, expected (T, height, width, 3)")
        self._check("images", self.images, "uint8", self.images.shape)
        self._check("states", self.states, "float32", (frames, len(STATE_NAMES)))
        self._check("actions", self.actions, "float32", (frames, len(ACTION_NAMES)))
        self._check("stamps", self.stamps, "float64", (frames,))
        if np.any(np.diff(self.stamps) <= 0):
            late = int(np.argmax(np.diff(self.stamps) <= 0)) + 1
            raise DatasetError(
                f"episode '{self.task}': stamps do not increase at frame {late}; sort or drop the frames"
            )
        for name, column in self.monitor.items():
            if column.dtype.name not in MONITOR_DTYPES or column.ndim not in (1, 2):
                raise DatasetError(
                    f"episode '{self.task}': monitor '{name}' is {column.dtype} {column.shape}, "
                    f"expected (T,) or (T, n) of {MONITOR_DTYPES}"
                )
            self._check(f"monitor '{name}'", column, column.dtype.name, (frames, *column.shape[1:]))

    def __len__(self) -> int:
        return len(self.images)

    def _check(self, name: str, array: np.ndarray, dtype: str, shape: tuple[int, ...]) -> None:
        if array.dtype != dtype or array.shape != shape:
            raise DatasetError(
                f"episode '{self.task}': {name} is {array.dtype} {array.shape}, expected {dtype} {shape}"
            )
        if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
            row = int(np.argwhere(~np.isfinite(array))[0][0])
            raise DatasetError(f"episode '{self.task}': {name} is not finite at frame {row}")

    def check(self, contract: Contract) -> Episode:
        """Returns the episode if its images are of the size that the contract's first camera has.

        Raises:
            DatasetError: They are not.
        """
        camera = contract.camera
        if self.images.shape[1:3] != (camera.height, camera.width):
            raise DatasetError(
                f"episode '{self.task}': images are {self.images.shape[1:3]}, but contract '{contract.name}' "
                f"has {(camera.height, camera.width)} for camera '{camera.name}'; resize them first"
            )
        return self
