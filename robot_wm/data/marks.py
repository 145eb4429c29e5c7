"""Marks in a recording: where episodes begin and how they end, as texts on the topic `episode/mark`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

TOPIC = "episode/mark"
TYPE = "std_msgs/msg/String"
START, CLOCK_JUMP = "start", "clock_jump"
OUTCOMES = ("success", "failure", "discard")
VERBS = (START, *OUTCOMES)


@dataclass(frozen=True)
class Mark:
    """One mark: when it was received (ns since 1970), its first word, and the rest (the task, or the jump in s)."""

    received_ns: int
    verb: str
    text: str = ""

    @classmethod
    def parse(cls, received_ns: int, words: str) -> Mark:
        """A mark from the text of its message."""
        verb, _, text = words.strip().partition(" ")
        return cls(received_ns, verb, text.strip())


@dataclass(frozen=True)
class Span:
    """One episode of a recording: receive times from `start_ns` to before `stop_ns`.

    Attributes:
        task: What was to be done, empty where the mark does not say.
        outcome: One of `OUTCOMES`, or "" for an episode that nobody judged.
        note: What is odd about it, empty where nothing is.
    """

    start_ns: int
    stop_ns: int
    task: str = ""
    outcome: str = ""
    note: str = ""


def spans(marks: Iterable[Mark], end_ns: int) -> list[Span]:
    """The episodes that marks delimit; a start without an end lasts until the next start or the end of the recording.

    Args:
        marks: In the order of their times; those with other verbs are passed over.
        end_ns: One ns after the last message of the recording.
    """
    found: list[Span] = []
    begun: Mark | None = None
    for mark in marks:
        if mark.verb == START:
            if begun is not None:
                note = "the next episode was started before this one was ended"
                found.append(Span(begun.received_ns, mark.received_ns, begun.text, note=note))
            begun = mark
        elif mark.verb in OUTCOMES and begun is not None:
            found.append(Span(begun.received_ns, mark.received_ns, begun.text, mark.verb))
            begun = None
    if begun is not None:
        found.append(Span(begun.received_ns, end_ns, begun.text, note="the recording ends before the episode"))
    return found
