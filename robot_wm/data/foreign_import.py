"""Turns episodes of others into frames of a contract."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from robot_wm.actions import displacement, multiply_quaternions, quaternion_from_rotation_vector
from robot_wm.contract import ACTION_NAMES, Camera, Contract
from robot_wm.data import lerobot_layout as layout
from robot_wm.data.episode import Episode
from robot_wm.data.foreign import Foreign, ForeignEpisode, ForeignVideo
from robot_wm.data.lerobot_writer import DatasetWriter
from robot_wm.data.video import VideoReader
from robot_wm.errors import DatasetError


@dataclass(frozen=True)
class ImportOptions:
    """Which columns mean what.

    Attributes:
        state: Column of 8 numbers (pose with quaternion, gripper) or 7 (position, extrinsic Euler angles, gripper).
        action: Column of 7 numbers that are taken as they are; None for the displacements between states.
        cameras: Key of the video for each camera of the contract; empty for the videos in their order.
        resize: Whether images of another size are scaled.
        open_value: Gripper value that means open; closed is 0.
        task: Task of episodes that name none.
    """

    state: str = "observation.state"
    action: str | None = None
    cameras: tuple[str, ...] = ()
    resize: bool = False
    open_value: float = 1.0
    task: str = "unnamed"


def take_over(source: Foreign, out: Path, contract: Contract, options: ImportOptions) -> int:
    """Writes all episodes of a dataset at the contract's step; returns how many.

    Raises:
        DatasetError: A column, a video or a size does not fit; or the source's rate is no multiple of the contract's.
    """
    stride = float(source.fps) * contract.step_s
    if round(stride) < 1 or abs(stride - round(stride)) > 0.02 * stride:
        raise DatasetError(
            f"{source.root}: {float(source.fps):g} frames a second are no multiple of the contract's "
            f"{1 / contract.step_s:g}; give a contract with another step_s"
        )
    if options.action is not None and round(stride) != 1:
        raise DatasetError(f"{source.root}: actions of single frames cannot be taken over every {round(stride)} frames")
    count = 0
    with DatasetWriter(out, contract, robot=contract.name) as writer:
        for episode in source.episodes():
            try:
                writer.add(_convert(episode, source.fps, round(stride), contract, options))
            except DatasetError as error:
                raise DatasetError(f"{source.root}: {episode.name}: {error}") from error
            count += 1
    return count


def _convert(source: ForeignEpisode, fps: Fraction, stride: int, contract: Contract, options: ImportOptions) -> Episode:
    states = _states(_column(source, options.state), options)[::stride]
    if options.action is None:
        pairs = zip(states, states[1:], strict=False)
        actions = np.array([displacement(*pair) for pair in pairs], np.float32).reshape(-1, len(ACTION_NAMES))
    else:
        actions = _column(source, options.action).astype(np.float32)
    count = len(actions)
    first, *others = _videos(source, contract, options).items()
    frames = [_images(video, camera, fps, stride, count, options) for camera, video in (first, *others)]
    return Episode(
        images=frames[0],
        states=states[:count],
        actions=actions,
        stamps=_stamps(source, fps)[::stride][:count],
        task=source.task or options.task,
        views={camera.name: images for (camera, _), images in zip(others, frames[1:], strict=True)},
    )


def _column(source: ForeignEpisode, name: str) -> np.ndarray:
    if name not in source.rows.column_names:
        raise DatasetError(f"there is no column '{name}'; the columns are {source.rows.column_names}")
    return np.asarray(layout.to_numpy(source.rows, name), np.float64).reshape(source.rows.num_rows, -1)


def _states(column: np.ndarray, options: ImportOptions) -> np.ndarray:
    """States float32 (T, 8) from rows of 8 or 7 numbers."""
    size = column.shape[1]
    if size not in (7, 8):
        raise DatasetError(
            f"column '{options.state}' has {size} numbers a row; 8 (x y z qx qy qz qw gripper) or 7 (x y z, extrinsic "
            "roll pitch yaw, gripper) are needed: name the end effector's pose with --state"
        )
    states = np.empty((len(column), 8))
    states[:, :3], states[:, 7] = column[:, :3], column[:, -1] / options.open_value
    states[:, 3:7] = column[:, 3:7] if size == 8 else _quaternions(column[:, 3:6])
    lengths = np.linalg.norm(states[:, 3:7], axis=1, keepdims=True)
    if np.any(lengths < 1e-6):
        raise DatasetError(f"column '{options.state}': a quaternion is zero")
    states[:, 3:7] /= lengths
    return states.astype(np.float32)


def _quaternions(angles: np.ndarray) -> np.ndarray:
    """Quaternions (T, 4) of extrinsic x-y-z Euler angles (T, 3), radians."""
    turns = [quaternion_from_rotation_vector(angles[:, [axis]] * np.eye(3)[axis]) for axis in range(3)]
    return multiply_quaternions(turns[2], multiply_quaternions(turns[1], turns[0]))


def _stamps(source: ForeignEpisode, fps: Fraction) -> np.ndarray:
    for name in (layout.STAMP, "timestamp"):
        if name in source.rows.column_names:
            return np.asarray(layout.to_numpy(source.rows, name), np.float64).reshape(-1)
    return np.arange(source.rows.num_rows) / float(fps)


def _videos(source: ForeignEpisode, contract: Contract, options: ImportOptions) -> dict[Camera, ForeignVideo]:
    keys = options.cameras or tuple(source.videos)
    if len(keys) != len(contract.cameras) or any(key not in source.videos for key in keys):
        raise DatasetError(
            f"the videos are {list(source.videos)}; the contract has {[camera.name for camera in contract.cameras]}: "
            "name one video for each camera with --cameras"
        )
    return {camera: source.videos[key] for camera, key in zip(contract.cameras, keys, strict=True)}


def _images(
    video: ForeignVideo, camera: Camera, fps: Fraction, stride: int, count: int, options: ImportOptions
) -> np.ndarray:
    """Every `stride`-th frame, uint8 (count, H, W, 3), decoded one by one."""
    images = np.empty((count, camera.height, camera.width, 3), np.uint8)
    with VideoReader(video.path, fps) as reader:
        for row in range(count):
            run = stride if row + 1 < count else 1  # in one piece, since a jump would cost a search
            image = reader.read(video.first_frame + row * stride, run)[0]
            images[row] = _sized(image, camera, options)
    return images


def _sized(image: np.ndarray, camera: Camera, options: ImportOptions) -> np.ndarray:
    if image.shape[:2] == (camera.height, camera.width):
        return image
    if not options.resize:
        raise DatasetError(
            f"images are {image.shape[1]}x{image.shape[0]}, the contract's camera '{camera.name}' has "
            f"{camera.width}x{camera.height}; give --resize to scale them"
        )
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    return frame.reformat(camera.width, camera.height, interpolation="AREA").to_ndarray(format="rgb24")
