"""Pictures of an MCAP bag: sensor_msgs/Image and CompressedImage, by the stamps of their headers."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from mcap.exceptions import McapError
from mcap.reader import make_reader
from rosbags.typesys import Stores, get_typestore

from robot_wm.data.clips import Clip, Form, fit, on_grid
from robot_wm.errors import DatasetError

_PIXELS = {"rgb8": "rgb24", "bgr8": "bgr24", "rgba8": "rgba", "bgra8": "bgra", "mono8": "gray"}
_CHANNELS = {"rgb24": 3, "bgr24": 3, "rgba": 4, "bgra": 4, "gray": 1}
_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")


@dataclass(frozen=True)
class BagClip(Clip):
    """The image topic of one MCAP file."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def frames(self, form: Form) -> Iterator[np.ndarray]:
        size = None
        try:
            for message in on_grid(self._stamped(form.topic), form.fps):
                frame = _picture(message)
                if size not in (None, (frame.width, frame.height)):
                    raise DatasetError(f"the size varies: {size}, then {(frame.width, frame.height)}")
                size = (frame.width, frame.height)
                yield fit(frame, form.size)
        except (OSError, McapError, ValueError, LookupError, struct.error) as error:
            raise DatasetError(f"{self.path}: cannot be read ({error!r}); it is damaged or cut off") from error
        except DatasetError as error:
            raise DatasetError(f"{self.path}: {error}") from error

    def _stamped(self, topic: str) -> Iterator[tuple[float, Any]]:
        types = get_typestore(Stores.ROS2_JAZZY)
        wanted, seen = "/" + topic.lstrip("/"), set()
        with self.path.open("rb") as file:
            for schema, channel, record in make_reader(file).iter_messages():
                seen.add(channel.topic)
                if "/" + channel.topic.lstrip("/") != wanted:
                    continue
                if schema is None or schema.name not in _TYPES:
                    raise DatasetError(f"{topic} is {schema and schema.name}, expected one of {', '.join(_TYPES)}")
                message = types.deserialize_cdr(record.data, schema.name)
                stamp = message.header.stamp  # type: ignore[attr-defined]
                yield stamp.sec + stamp.nanosec * 1e-9, message
        if wanted not in {"/" + name.lstrip("/") for name in seen}:
            raise DatasetError(f"there is no picture on {wanted}; its topics are {', '.join(sorted(seen)) or 'none'}")


def _picture(message: Any) -> av.VideoFrame:
    if hasattr(message, "encoding"):
        return _raw(message)
    codec = "png" if "png" in message.format.lower() else "mjpeg"
    decoder: Any = av.CodecContext.create(codec, "r")
    frames = decoder.decode(av.Packet(message.data.tobytes()))
    if not frames:
        raise DatasetError(f"a picture of {len(message.data)} bytes in format '{message.format}' holds none")
    return frames[0]


def _raw(message: Any) -> av.VideoFrame:
    if message.encoding not in _PIXELS:
        raise DatasetError(f"its encoding is '{message.encoding}', expected one of {', '.join(_PIXELS)}")
    pixels = _PIXELS[message.encoding]
    channels, rows = _CHANNELS[pixels], message.data.reshape(message.height, message.step)
    image = rows[:, : message.width * channels].reshape(message.height, message.width, channels)
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(image.squeeze(-1) if channels == 1 else image), pixels)
