"""Writes everything whole in a recording as a new one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from robot_wm.data.bag import Bag
from robot_wm.data.bag_file import BagTopic
from robot_wm.data.bag_scan import Damage
from robot_wm.data.bag_writer import BagWriter, Split
from robot_wm.errors import DatasetError

_FILE_BYTES = 1 << 30


@dataclass(frozen=True)
class Repaired:
    """What became of a recording: the new one, its messages, and what could not be saved."""

    folder: Path
    messages: int
    damages: tuple[Damage, ...]


def repair(path: Path, out: Path) -> Repaired:
    """Copies every message of every whole chunk to a new bag with an index; the original stays as it is.

    Raises:
        DatasetError: `out` exists, or nothing can be saved.
        RecordingError: The disk is full.
    """
    if out.exists():
        raise DatasetError(f"{out} exists; a repair never writes into something that is there: choose another --out")
    bag = Bag.open(path)
    writer: BagWriter | None = None
    numbers: dict[BagTopic, int] = {}
    for message in bag.messages():
        writer = writer or BagWriter(out, 1, Split(bytes=_FILE_BYTES))
        if message.topic not in numbers:
            numbers[message.topic] = writer.add_topic(message.topic)
        writer.write(numbers[message.topic], message.payload, message.received_ns, message.published_ns)
    if writer is None:
        raise DatasetError(f"{path}: there is not one whole message: {'; '.join(map(str, bag.damages)) or 'no chunk'}")
    writer.close()
    return Repaired(out, writer.messages, tuple(bag.damages))
