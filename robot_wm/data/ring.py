"""The last seconds of all topics in memory, written to a bag on demand."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from robot_wm.data.bag_file import BagTopic, RecordingError
from robot_wm.data.bag_writer import BagWriter


class RingBuffer:
    """Keeps messages of the last seconds; takes the same calls as a BagWriter while it fills.

    Not thread-safe, but `snapshot` is cheap, and what it returns may be written without any lock.

    Args:
        seconds: Older messages are forgotten.
        max_bytes: The oldest are forgotten also beyond so many bytes of payload, so that memory stays bounded.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self._age_ns, self._max_bytes = round(seconds * 1e9), max_bytes
        self._topics: list[BagTopic] = []
        self._held: deque[tuple[int, bytes, int, int]] = deque()
        self._bytes = 0

    @property
    def messages(self) -> int:
        """Messages that are held now."""
        return len(self._held)

    def add_topic(self, topic: BagTopic) -> int:
        """Makes room for a topic; returns its number for `write`."""
        self._topics.append(topic)
        return len(self._topics) - 1

    def write(self, topic: int, payload: bytes, received_ns: int, published_ns: int) -> None:
        """Adds one message and forgets those that are too old; its times are in ns since 1970."""
        self._held.append((topic, payload, received_ns, published_ns))
        self._bytes += len(payload)
        while self._held and (received_ns - self._held[0][2] > self._age_ns or self._bytes > self._max_bytes):
            self._bytes -= len(self._held.popleft()[1])

    def snapshot(self) -> RingSnapshot:
        """What is held now; the buffer goes on filling."""
        return RingSnapshot(tuple(self._topics), tuple(self._held))


class RingSnapshot:
    """Messages of a RingBuffer at one moment."""

    def __init__(self, topics: tuple[BagTopic, ...], held: tuple[tuple[int, bytes, int, int], ...]) -> None:
        self._topics, self._held = topics, held

    def __len__(self) -> int:
        return len(self._held)

    def save(self, folder: Path, min_free_bytes: int) -> None:
        """Writes them as a bag.

        Raises:
            RecordingError: There is nothing to save, or the bag cannot be written.
        """
        if not self._held:
            raise RecordingError("no message has arrived yet; there is nothing to save")
        bag = BagWriter(folder, min_free_bytes)
        numbers = [bag.add_topic(topic) for topic in self._topics]
        for topic, payload, received_ns, published_ns in self._held:
            bag.write(numbers[topic], payload, received_ns, published_ns)
        bag.close()
