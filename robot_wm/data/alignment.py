"""Makes frames of messages that come at times of their own, by the stamps that they carry.

What comes out depends on stamps and on the order within each topic alone, not on when messages arrive; so a live
stream, a recording of it and a simulator give the same frames.
"""

from __future__ import annotations

import bisect
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from robot_wm.contract import Contract
from robot_wm.signals import Signal

Value = TypeVar("Value")
BACK_NS = 50_000_000
"""A stamp that lies further back than this is a jump of the clock; a smaller step back is a message out of order."""
PATIENCE_NS = 1_000_000_000
"""A topic is missed once others are so much further than a frame needs."""


@dataclass(frozen=True)
class Aligned(Generic[Value]):
    """What makes one frame.

    Attributes:
        stamp_ns: Stamp of the first camera's image.
        values: By name of the signal, the message that belongs to the frame.
        run: Frames of one run follow each other at the contract's step; a gap or a jump of the clock begins another.
    """

    stamp_ns: int
    values: dict[str, Value]
    run: int


@dataclass
class Losses:
    """What did not become part of a frame.

    Attributes:
        missing: Frames left out because a signal had nothing within its tolerance, by signal.
        unordered: Messages left out because a later one of their topic had come, by signal.
        gaps: (stamp of the last frame before, stamp of the first after) in ns, where frames are further apart than the
            contract's step.
        jumps: (signal, stamp before, stamp after) in ns, where a clock went back.
    """

    missing: Counter[str] = field(default_factory=Counter)
    unordered: Counter[str] = field(default_factory=Counter)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    jumps: list[tuple[str, int, int]] = field(default_factory=list)


class _Track(Generic[Value]):
    """The latest messages of one signal, ordered by stamp."""

    def __init__(self, signal: Signal) -> None:
        self.signal, self.tolerance_ns = signal, round(signal.tolerance_s * 1e9)
        self.stamps: list[int] = []
        self.values: list[Value] = []

    @property
    def newest_ns(self) -> int:
        return self.stamps[-1] if self.stamps else -1

    def is_decided(self, stamp_ns: int) -> bool:
        """Whether nothing that may still come can belong to a frame of this stamp."""
        return self.newest_ns > stamp_ns or (self.signal.align == "nearest" and self.newest_ns == stamp_ns)

    def find(self, stamp_ns: int) -> tuple[Value] | None:
        """The message that belongs to a frame of this stamp; of two equally near ones the earlier."""
        after = bisect.bisect_right(self.stamps, stamp_ns)
        candidates = [after - 1] if after else []
        if self.signal.align == "nearest" and after < len(self.stamps):
            candidates.append(after)
        near = min(candidates, key=lambda at: abs(self.stamps[at] - stamp_ns), default=None)
        if near is None or abs(self.stamps[near] - stamp_ns) > self.tolerance_ns:
            return None
        return (self.values[near],)

    def forget_before(self, stamp_ns: int) -> None:
        """Drops messages that no frame from this stamp on can need."""
        keep = max(0, bisect.bisect_left(self.stamps, stamp_ns - self.tolerance_ns) - 1)
        del self.stamps[:keep], self.values[:keep]


class Aligner(Generic[Value]):
    """Takes messages one by one and gives frames at the contract's step.

    The first camera sets the frames: of its images those are taken that lie nearest to one step after the image
    taken before. To each the other signals add the message that their rule chooses.

    Args:
        contract: Says the step, and how each signal is aligned.
    """

    def __init__(self, contract: Contract) -> None:
        self._step_ns = round(contract.step_s * 1e9)
        self._leader, *others = contract.streams.values()
        self._tracks: dict[str, _Track[Value]] = {signal.name: _Track(signal) for signal in others}
        self.losses = Losses()
        self._run = -1
        self._restart()

    def _restart(self) -> None:
        self._waiting: deque[tuple[int, Value, int]] = deque()
        self._candidate: tuple[int, Value] | None = None
        self._taken_ns: int | None = None
        self._newest_ns = self._leader_ns = -1
        self._broken = True
        for track in self._tracks.values():
            track.stamps.clear()
            track.values.clear()

    def push(self, name: str, stamp_ns: int, value: Value) -> list[Aligned[Value]]:
        """Takes one message of the signal `name`; returns the frames that are complete now."""
        newest_ns = self._leader_ns if name == self._leader.name else self._tracks[name].newest_ns
        done: list[Aligned[Value]] = []
        if stamp_ns <= newest_ns:
            if newest_ns - stamp_ns <= BACK_NS:
                self.losses.unordered[name] += 1
                return done
            self.losses.jumps.append((name, newest_ns, stamp_ns))
            done = self.finish()
        self._newest_ns = max(self._newest_ns, stamp_ns)
        if name == self._leader.name:
            self._leader_ns = stamp_ns
            self._take(stamp_ns, value)
        else:
            track = self._tracks[name]
            track.stamps.append(stamp_ns)
            track.values.append(value)
        return done + self._complete(self._newest_ns - PATIENCE_NS)

    def finish(self) -> list[Aligned[Value]]:
        """The frames that are left when nothing more comes; what comes then begins another run."""
        if self._candidate is not None and self._taken_ns is not None:
            stamp_ns, value = self._candidate
            if abs(stamp_ns - self._taken_ns - self._step_ns) <= self._step_ns // 8:
                self._select(stamp_ns, value)
        done = self._complete(None)
        self._restart()
        return done

    def _take(self, stamp_ns: int, value: Value) -> None:
        """Chooses among the first camera's images."""
        if self._taken_ns is not None:
            due_ns, half_ns, before = self._taken_ns + self._step_ns, self._step_ns // 2, self._candidate
            if stamp_ns < due_ns:
                self._candidate = (stamp_ns, value)
                return
            if before is not None and due_ns - before[0] <= min(stamp_ns - due_ns, half_ns):
                self._select(*before)
                return self._take(stamp_ns, value)
            if stamp_ns - due_ns > half_ns:
                self.losses.gaps.append((self._taken_ns, stamp_ns))
                self._broken = True
        self._select(stamp_ns, value)

    def _select(self, stamp_ns: int, value: Value) -> None:
        if self._broken:
            self._run += 1
        self._broken, self._candidate, self._taken_ns = False, None, stamp_ns
        self._waiting.append((stamp_ns, value, self._run))

    def _complete(self, missed_ns: int | None) -> list[Aligned[Value]]:
        """Frames all of whose signals are decided, or missed since they lie before `missed_ns` (None: all)."""
        done = []
        while self._waiting:
            stamp_ns, value, run = self._waiting[0]
            late = missed_ns is None or stamp_ns < missed_ns
            if not late and not all(track.is_decided(stamp_ns) for track in self._tracks.values()):
                break
            self._waiting.popleft()
            found = {name: track.find(stamp_ns) for name, track in self._tracks.items()}
            missing = [name for name, each in found.items() if each is None]
            self.losses.missing.update(missing)
            if missing:
                self._begin_run_after(run)
            else:
                values = {name: each[0] for name, each in found.items() if each is not None}
                done.append(Aligned(stamp_ns, {self._leader.name: value, **values}, run))
        next_ns = self._candidate[0] if self._candidate is not None else self._leader_ns
        oldest_ns = self._waiting[0][0] if self._waiting else max(next_ns, self._newest_ns - PATIENCE_NS)
        for track in self._tracks.values():
            track.forget_before(oldest_ns)
        return done

    def _begin_run_after(self, run: int) -> None:
        """A frame that is left out ends its run: those that wait after it belong to the next."""
        later = [(stamp_ns, value, number + 1) for stamp_ns, value, number in self._waiting]
        self._waiting = deque(later)
        self._run = max(self._run, run) + 1
