"""What a page shows of an episode or a recording: frames, curves and events on one axis of time."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from robot_wm.contract import ACTION_NAMES, ACTION_UNITS, STATE_NAMES, STATE_UNITS
from robot_wm.data.bag import Bag
from robot_wm.data.bag_report import report
from robot_wm.data.bag_scan import ScannedMessage
from robot_wm.data.lerobot_reader import Dataset
from robot_wm.signals import IMAGE, JOINTS

_POINTS = 1500


@dataclass(frozen=True)
class Curve:
    """One line over time: times (T,) in seconds from the beginning, values (T,), and where it belongs."""

    group: str
    name: str
    unit: str
    times_s: np.ndarray
    values: np.ndarray


@dataclass
class Series:
    """Everything on the page.

    Attributes:
        frames: By camera: (seconds from the beginning, JPEG).
        events: (seconds from the beginning, words).
    """

    title: str
    frames: dict[str, list[tuple[float, bytes]]] = field(default_factory=dict)
    curves: list[Curve] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)


def of_episode(dataset: Dataset, index: int, most: int) -> Series:
    """An episode of a dataset, with at most `most` frames a camera."""
    episode = dataset.read(index)
    times = episode.stamps - episode.stamps[0]
    series = Series(f"{dataset.root.name}, episode {index}: {episode.task}")
    shown = np.unique(np.linspace(0, len(episode) - 1, min(most, len(episode))).astype(int))
    for name, images in episode.cameras(dataset.contract).items():
        series.frames[name] = [(float(times[row]), jpeg(images[row])) for row in shown]
    _add_curves(series, "state", STATE_NAMES, STATE_UNITS, times, episode.states)
    _add_curves(series, "action", ACTION_NAMES, ACTION_UNITS, times, episode.actions)
    for name, column in sorted(episode.monitor.items()):
        columns = column.reshape(len(column), -1).astype(float)
        _add_curves(series, "monitor", [name] * columns.shape[1], [""] * columns.shape[1], times, columns)
    steps = np.diff(times)
    for row in np.flatnonzero(steps > 1.5 / float(dataset.fps)):
        series.events.append((float(times[row]), f"{steps[row]:.3f} s without a frame"))
    return series


def of_bag(path: Path, most: int) -> Series:
    """A recording: images that need no decoding, joint positions and marks. Memory does not grow with its length."""
    bag = Bag.open(path)
    found = report(bag)
    series = Series(path.name)
    seen = dict.fromkeys(found.topics, 0)
    joints: dict[str, list[tuple[float, Any]]] = {}
    read = _Decoder()
    for message in bag.messages():
        name, topic = message.topic.name, found.topics[message.topic.name]
        number, seen[name] = seen[name], seen[name] + 1
        limit = {IMAGE: most, JOINTS: _POINTS}.get(topic.type, 0)
        if not limit or number * limit // topic.count == (number - 1) * limit // topic.count:
            continue
        time_s, decoded = (message.received_ns - found.first_ns) * 1e-9, read(message)
        if topic.type == JOINTS:
            joints.setdefault(name, []).append((time_s, decoded))
        elif (image := _pixels(decoded)) is not None:
            series.frames.setdefault(name, []).append((time_s, jpeg(image)))
    for name, messages in joints.items():
        names = messages[0][1].name
        rows = [(time_s, each.position) for time_s, each in messages if len(each.position) == len(names)]
        if rows:
            times, values = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
            _add_curves(series, name, names, ["rad"] * len(names), times, values)
    for mark in found.marks:
        series.events.append(((mark.received_ns - found.first_ns) * 1e-9, f"{mark.verb} {mark.text}".strip()))
    return series


class _Decoder:
    """Decodes messages by the definitions that the recording carries."""

    def __init__(self) -> None:
        from rosbags.typesys import Stores, get_typestore

        self._store = get_typestore(Stores.EMPTY)
        self._known: set[str] = set()

    def __call__(self, message: ScannedMessage) -> Any:
        from rosbags.typesys import get_types_from_msg

        topic = message.topic
        if topic.type not in self._known:
            types = get_types_from_msg(topic.definition, topic.type)
            self._store.register({name: each for name, each in types.items() if name not in self._store.fielddefs})
            self._known.add(topic.type)
        return self._store.deserialize_cdr(message.payload, topic.type)


def _pixels(message: Any) -> np.ndarray | None:
    """uint8 (H, W, 3) of an image of 8 bits a channel, None for others, such as latents."""
    channels = {"rgb8": 3, "bgr8": 3, "mono8": 1}.get(message.encoding)
    if channels is None or len(message.data) != message.step * message.height:
        return None
    rows = np.asarray(message.data, np.uint8).reshape(message.height, message.step)[:, : message.width * channels]
    pixels = rows.reshape(message.height, message.width, channels)
    return pixels[..., ::-1] if message.encoding == "bgr8" else np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def jpeg(image: np.ndarray) -> bytes:
    """uint8 (H, W, 3) as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _add_curves(series: Series, group: str, names: Any, units: Any, times: np.ndarray, values: np.ndarray) -> None:
    rows = np.unique(np.linspace(0, len(times) - 1, min(_POINTS, len(times))).astype(int))
    for number, (name, unit) in enumerate(zip(names, units, strict=True)):
        series.curves.append(Curve(group, str(name), unit, times[rows], values[rows, number]))
