"""One episode: what the robot saw, measured and did, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from robot_wm.contract import ACTION_NAMES, STATE_NAMES, Contract
from robot_wm.errors import DatasetError

MONITOR_DTYPES = ("float32", "float64", "int64", "bool")
INTERVENTION = "intervention"
"""Monitor column of episodes in which a model acts and somebody takes over: true where somebody did."""


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
        views: Images of further cameras by name, each (T, H, W, 3) uint8, taken together with `images`.

    Raises:
        DatasetError: An array has another type or shape, or holds a number that is not finite.
    """

    images: np.ndarray
    states: np.ndarray
    actions: np.ndarray
    stamps: np.ndarray
    task: str
    monitor: Mapping[str, np.ndarray] = field(default_factory=dict)
    views: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames = len(self.images)
        if not self.task:
            raise DatasetError("episode: the task is empty; it must say in words what was to be done")
        if frames == 0:
            raise DatasetError(f"episode '{self.task}': it has no frames; at least one is needed")
        if self.images.ndim != 4 or self.images.shape[-1] != 3:
            raise DatasetError(f"episode '{self.task}': images are {self.images.shape}, expected (T, height, width, 3)")
        self._check("images", self.images, "uint8", self.images.shape)
        for name, view in self.views.items():
            if view.ndim != 4 or view.dtype != np.uint8 or len(view) != frames or view.shape[-1] != 3:
                raise DatasetError(
                    f"episode '{self.task}': camera '{name}' is {view.dtype} {view.shape}, "
                    f"expected uint8 ({frames}, height, width, 3)"
                )
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
        """Returns the episode if it has the contract's cameras with images of their sizes.

        Raises:
            DatasetError: It has others.
        """
        cameras = {camera.name: camera for camera in contract.cameras}
        found = self.cameras(contract)
        if set(found) != set(cameras):
            raise DatasetError(
                f"episode '{self.task}': it has the cameras {sorted(found)}, "
                f"contract '{contract.name}' {sorted(cameras)}"
            )
        for name, images in found.items():
            if images.shape[1:3] != (cameras[name].height, cameras[name].width):
                raise DatasetError(
                    f"episode '{self.task}': images are {images.shape[1:3]}, but contract '{contract.name}' "
                    f"has {(cameras[name].height, cameras[name].width)} for camera '{name}'; resize them first"
                )
        return self

    def cameras(self, contract: Contract) -> dict[str, np.ndarray]:
        """The images of all cameras by name, the contract's first camera first."""
        return {contract.camera.name: self.images, **self.views}
