"""What is in a recording, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from robot_wm.data.bag import Bag, header_stamp_ns, is_mark, read_mark
from robot_wm.data.bag_scan import Damage, ScannedMessage
from robot_wm.data.marks import CLOCK_JUMP, Mark, Span, spans

BACK_S = 0.05
"""Stamps that go back by more than this are a jump of the clock; less is two drivers' disorder."""


@dataclass
class TopicReport:
    """One topic of a recording; times are ns since 1970, of receipt where not said otherwise."""

    type: str
    count: int = 0
    bytes: int = 0
    first_ns: int = 0
    last_ns: int = 0
    longest_gap_s: float = 0.0
    last_stamp_ns: int | None = None

    @property
    def rate_hz(self) -> float:
        """Messages a second between the first and the last."""
        return (self.count - 1) / ((self.last_ns - self.first_ns) * 1e-9) if self.last_ns > self.first_ns else 0.0


@dataclass
class BagReport:
    """All topics, marks and faults of a recording.

    Attributes:
        jumps: In words: where a clock jumped.
    """

    topics: dict[str, TopicReport] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)
    jumps: list[str] = field(default_factory=list)

    @property
    def first_ns(self) -> int:
        """Time of the first message, 0 where there is none."""
        return min((topic.first_ns for topic in self.topics.values()), default=0)

    @property
    def last_ns(self) -> int:
        """Time of the last message, 0 where there is none."""
        return max((topic.last_ns for topic in self.topics.values()), default=0)

    @property
    def messages(self) -> int:
        """Number of messages."""
        return sum(topic.count for topic in self.topics.values())

    @property
    def episodes(self) -> list[Span]:
        """The episodes that the marks delimit."""
        return spans(self.marks, self.last_ns + 1)

    def problems(self) -> Iterator[str]:
        """Everything that is wrong, in words."""
        yield from map(str, self.damages)
        yield from self.jumps
        if not self.messages:
            yield "there is not one whole message"


def report(bag: Bag) -> BagReport:
    """Reads a recording once, checking every chunk; memory does not depend on its length."""
    found = BagReport()
    for message in bag.messages():
        name = message.topic.name
        topic = found.topics.get(name)
        if topic is None:
            topic = found.topics[name] = TopicReport(message.topic.type, first_ns=message.received_ns)
        else:
            _check_clocks(found, name, topic, message)
        topic.count += 1
        topic.bytes += len(message.payload)
        topic.last_ns, topic.last_stamp_ns = message.received_ns, header_stamp_ns(message)
        if is_mark(message):
            mark = read_mark(message)
            found.marks.append(mark)
            if mark.verb == CLOCK_JUMP:
                found.jumps.append(f"the recorder's clock jumped by {mark.text} s at {mark.received_ns * 1e-9:.3f}")
    found.damages = list(bag.damages)
    return found


def _check_clocks(found: BagReport, name: str, topic: TopicReport, message: ScannedMessage) -> None:
    gap_s = (message.received_ns - topic.last_ns) * 1e-9
    topic.longest_gap_s = max(topic.longest_gap_s, gap_s)
    if gap_s < -BACK_S:
        found.jumps.append(f"{name}: receive times go back by {-gap_s:.3f} s at {message.received_ns * 1e-9:.3f}")
    stamp_ns = header_stamp_ns(message)
    if stamp_ns is not None and topic.last_stamp_ns is not None:
        step_s = (stamp_ns - topic.last_stamp_ns) * 1e-9
        if step_s < -BACK_S or step_s - max(gap_s, 0.0) > 1.0:
            found.jumps.append(f"{name}: stamps jump by {step_s:+.3f} s at {stamp_ns * 1e-9:.3f}")
