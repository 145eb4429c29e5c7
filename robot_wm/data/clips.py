"""Clips of pictures without actions: MP4 files, episodes of LeRobot datasets of any robot, topics of MCAP bags."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av
import numpy as np

from robot_wm.data import lerobot_layout as layout
from robot_wm.data.confined import inside, refuse_links
from robot_wm.data.lerobot_reader import read_parquet
from robot_wm.errors import DatasetError

Item = TypeVar("Item")
SLACK = 0.25
"""Share of the time between two pictures by which one may be early or late."""


@dataclass(frozen=True)
class Form:
    """What pictures become.

    Attributes:
        size: Height and width, pixels; the middle square of a picture is scaled to it.
        fps: Pictures a second; the nearest picture of each instant is taken.
        topic: Of bags, the image topic; with or without the slash in front.
    """

    size: int
    fps: float
    topic: str = "camera/image_raw"


class Clip(ABC):
    """A run of pictures that belong together; `name` says where it lies, `path` in which file."""

    path: Path

    @property
    @abstractmethod
    def name(self) -> str:
        """Where the clip lies, for messages."""

    @abstractmethod
    def frames(self, form: Form) -> Iterator[np.ndarray]:
        """Pictures uint8 (size, size, 3) in order.

        Raises:
            DatasetError: The clip is damaged, its size varies, or it does not have so many pictures a second.
        """


@dataclass(frozen=True)
class VideoClip(Clip):
    """A video file, or the part of it between two times in seconds."""

    path: Path
    begin_s: float = 0.0
    end_s: float = float("inf")

    @property
    def name(self) -> str:
        return str(self.path) if self.end_s == float("inf") else f"{self.path} from {self.begin_s:g} s"

    def frames(self, form: Form) -> Iterator[np.ndarray]:
        try:
            yield from (fit(frame, form.size) for frame in on_grid(self._decoded(), form.fps))
        except (OSError, av.error.FFmpegError, IndexError) as error:
            raise DatasetError(f"{self.name}: cannot be decoded ({error})") from error
        except DatasetError as error:
            raise DatasetError(f"{self.name}: {error}") from error

    def _decoded(self) -> Iterator[tuple[float, av.VideoFrame]]:
        size = None
        with av.open(str(self.path), options={"err_detect": "explode"}) as container:
            stream = container.streams.video[0]
            stream.codec_context.options = {"err_detect": "explode"}
            assert stream.time_base is not None
            slack = 0.5 / float(stream.average_rate or 30)
            if self.begin_s > 0:
                container.seek(int(self.begin_s / stream.time_base), stream=stream)
            for frame in container.decode(stream):
                if frame.is_corrupt or frame.time is None:
                    raise DatasetError(f"the frame at {frame.time} s is broken")
                if frame.time < self.begin_s - slack:
                    continue
                if frame.time >= self.end_s - slack:
                    return
                if size not in (None, (frame.width, frame.height)):
                    raise DatasetError(f"the size varies: {size}, from {frame.time:g} s {(frame.width, frame.height)}")
                size = (frame.width, frame.height)
                yield frame.time, frame


def fit(frame: av.VideoFrame, size: int) -> np.ndarray:
    """The middle square of a picture, scaled to uint8 (size, size, 3), RGB."""
    scale = size / min(frame.width, frame.height)
    width, height = max(size, round(frame.width * scale)), max(size, round(frame.height * scale))
    image = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    top, left = (height - size) // 2, (width - size) // 2
    return image[top : top + size, left : left + size]


def on_grid(stamped: Iterator[tuple[float, Item]], fps: float) -> Iterator[Item]:
    """Of items with times in seconds, the nearest to each instant of a regular grid that begins with the first.

    Raises:
        DatasetError: An instant has none within a quarter of the grid's step, or times do not increase.
    """
    before: tuple[float, Item] | None = None
    first, count = 0.0, 0
    for time, item in stamped:
        if before is None:
            first = time
        elif time <= before[0]:
            raise DatasetError(f"times do not increase: {time:g} s follows {before[0]:g} s")
        while time >= (due := first + count / fps) - 1e-9:
            near = min((before or (time, item), (time, item)), key=lambda other: abs(other[0] - due))
            if abs(near[0] - due) > SLACK / fps + 1e-6:
                raise DatasetError(
                    f"frames are missing: of {fps:g} a second, the nearest to {due - first:g} s after the first is "
                    f"{abs(near[0] - due):.3g} s away; it is cut, or runs at another rate"
                )
            yield near[1]
            count += 1
        before = (time, item)


def find_clips(path: Path) -> list[Clip]:
    """All clips of a LeRobot v3 dataset, a video file, an MCAP bag, or a folder of videos and bags, in order of name.

    Raises:
        DatasetError: There are none.
    """
    if path.is_dir():
        refuse_links(path)
    if (path / layout.INFO_PATH).is_file():
        return _lerobot(path)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    clips = [KINDS[file.suffix.lower()](file) for file in files if file.is_file() and file.suffix.lower() in KINDS]
    if not clips:
        raise DatasetError(f"{path}: no LeRobot dataset and no file of {', '.join(sorted(KINDS))} is there")
    return clips


def _lerobot(root: Path) -> list[Clip]:
    """One clip for each episode and camera."""
    try:
        info = json.loads((root / layout.INFO_PATH).read_text(encoding="utf-8"))
        version, template = info["codebase_version"], info["video_path"]
        cameras = [name for name, feature in info["features"].items() if feature["dtype"] == "video"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{root / layout.INFO_PATH}: not a dataset description ({error!r})") from error
    if version != layout.VERSION or not cameras:
        raise DatasetError(f"{root}: format {version} with cameras {cameras}; {layout.VERSION} with videos is needed")
    names = ("chunk_index", "file_index", "from_timestamp", "to_timestamp")
    clips: list[Clip] = []
    for table in sorted((root / "meta/episodes").glob("*/*.parquet")):
        for camera in cameras:
            for row in read_parquet(table, [f"videos/{camera}/{name}" for name in names]).to_pylist():
                chunk, file, begin, end = row.values()
                path = inside(root, template, {"video_key": camera, "chunk_index": chunk, "file_index": file})
                clips.append(VideoClip(path, begin, end))
    return clips


def _bag(path: Path) -> Clip:
    from robot_wm.data.bag_clips import BagClip

    return BagClip(path)


KINDS: dict[str, Callable[[Path], Clip]] = {".mp4": VideoClip, ".mkv": VideoClip, ".mov": VideoClip, ".mcap": _bag}
