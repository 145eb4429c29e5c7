"""A group of managed nodes that is led up in order and down in reverse, and whose members may vanish and return."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from rclpy.node import Node

from robot_wm.errors import RobotWmError
from ros_nodes.backoff import Backoff
from ros_nodes.lifecycle_client import SHUTDOWNS, LifecycleClient

STAGES = ("unconfigured", "inactive", "active")
UP, DOWN = ("configure", "activate"), ("cleanup", "deactivate")
"""UP[i] leads from stage i to stage i + 1, DOWN[i] back."""
ANSWER_S = 1.0
"""A node that does not tell its state for so long is noted as silent."""


class BringUpError(RobotWmError):
    """A node cannot be led to where it should be."""


@dataclass
class Member:
    """One managed node and what is known of it; a node that was never seen counts as silent.

    Attributes:
        back_at_s: When to lead it up again, monotonic; None where it need not be.
        up_s: When it was last led up.
    """

    client: LifecycleClient
    state: str | None = None
    silences: int = 1
    lost: bool = False
    back_at_s: float | None = None
    up_s: float = 0.0
    backoff: Backoff = field(default_factory=Backoff)

    def plan_return(self) -> float:
        """Notes that it must be led up again; returns how long to wait before that, longer each time it fails soon."""
        wait_s = self.backoff.next_s(time.monotonic() - self.up_s)
        self.back_at_s = time.monotonic() + wait_s
        return wait_s


class ManagedGroup:
    """Methods may take long and must not run in a thread that the callbacks of `node` need.

    Args:
        node: The node that asks.
        names: Names of the managed nodes in the order of bring-up.
        patience_s: Time for a node to appear, and for each of its transitions.

    Attributes:
        members: The nodes in order.
        wanted: The stage that they were last led to; empty before that and after a shutdown.
        closing: Set it to make waiting end early.
    """

    def __init__(self, node: Node, names: Sequence[str], patience_s: float) -> None:
        self.members = [Member(LifecycleClient(node, name)) for name in names]
        self.wanted = ""
        self.closing = threading.Event()
        self._complete = False
        self._patience_s = patience_s
        self._logger = node.get_logger()

    def all_active(self) -> bool:
        """Whether every node was active when it was last asked."""
        return all(member.state == "active" for member in self.members)

    def bring_up(self) -> None:
        """Configures all, then activates all; raises BringUpError at the first that cannot, with what to do."""
        self.wanted, self._complete = "active", False
        self._raise(self.members, "active")
        self._complete = True

    def resume(self) -> None:
        """Activates all in order; raises BringUpError."""
        unready = [member.client.name for member in self.members if self._look(member) not in ("inactive", "active")]
        if unready:
            raise BringUpError(f"{', '.join(unready)} must be inactive before they can resume; call startup instead")
        self.bring_up()

    def lower(self, goal: str) -> None:
        """Deactivates all in reverse, then cleans up all where `goal` says so; raises BringUpError after the last.

        A node that fails does not keep the others up, and one that is not there is left out.
        """
        self.wanted = goal
        stages = ("inactive", "unconfigured")[: 2 - STAGES.index(goal)]
        self._in_reverse(lambda member, stage: self._lower(member, stage), stages)

    def shut_down(self) -> None:
        """Finalizes all in reverse; raises BringUpError after the last where one of them failed."""
        self.wanted = ""
        self._in_reverse(lambda member, _: self._finalize(member, self._patience_s), ("finalized",))

    def last_words(self, limit_s: float) -> None:
        """Finalizes in reverse what still answers, within `limit_s`."""
        end = time.monotonic() + limit_s
        for member in reversed(self.members if self.wanted else []):
            left_s = end - time.monotonic()
            if left_s > 0 and member.client.state(min(ANSWER_S, left_s)) in SHUTDOWNS:
                problem = member.client.change("shutdown", left_s)
                self._logger.info(problem or f"{member.client.name} is shut down")

    def watch(self) -> list[str]:
        """Looks at every node once, and brings back those that are new; returns the names of those newly lost.

        A node that was silent and then answers from "unconfigured" is a new process. One that somebody has brought
        down by hand answers all along, and is left as it is. What dies or fails again and again is brought back ever
        later; see `Backoff`.

        Raises:
            BringUpError: A node cannot be brought back; it is tried again later.
        """
        lost = []
        for member in self.members:
            if self.closing.is_set():
                return []
            if self._look(member) is None:
                lost += [member.client.name] if self._is_newly_lost(member) else []
            elif member.silences:
                member.silences, member.lost = 0, False
                if member.state == "unconfigured" and self.wanted in ("inactive", "active"):
                    wait_s = member.plan_return()
                    self._logger.info(f"{member.client.name} is there again; it is brought up in {wait_s:g} s")
            if member.back_at_s is not None and time.monotonic() >= member.back_at_s:
                self._bring_back(member)
        return lost

    def _is_newly_lost(self, member: Member) -> bool:
        member.silences += 1
        gone = member.silences > 2 or not member.client.is_offered()
        if member.lost or not gone or not self.wanted or self.closing.is_set():
            return False
        member.lost = True
        return True

    def _bring_back(self, member: Member) -> None:
        """Leads a node up as far as is wanted now; what fails is tried again after a while."""
        member.back_at_s = None
        if member.state is None or self.wanted not in ("inactive", "active"):
            return
        try:
            if self._complete or self.wanted != "active":
                self._raise([member], self.wanted)
            else:
                self.bring_up()
        except BringUpError as error:
            wait_s = member.plan_return()
            raise BringUpError(f"{error}; tried again in {wait_s:g} s") from error
        member.up_s = time.monotonic()

    def _raise(self, members: Iterable[Member], goal: str) -> None:
        for rank in range(1, STAGES.index(goal) + 1):
            for member in members:
                self._raise_one(member, rank)

    def _raise_one(self, member: Member, goal: int) -> None:
        name = member.client.name
        if not member.client.wait_for_services(self._patience_s, self.closing):
            self._check_ending()
            raise BringUpError(f"{name} is not there after {self._patience_s:.0f} s; start its process")
        member.silences, member.lost = 0, False
        while (rank := self._rank(member)) < goal:
            self._change(member, UP[rank], STAGES[rank + 1])

    def _lower(self, member: Member, stage: str) -> None:
        if self._look(member) is None:
            return
        while (rank := self._rank(member)) > STAGES.index(stage):
            self._change(member, DOWN[rank - 1], STAGES[rank - 1])

    def _in_reverse(self, act: Callable[[Member, str], None], stages: Iterable[str]) -> None:
        problems = []
        for stage in stages:
            for member in reversed(self.members):
                try:
                    act(member, stage)
                except BringUpError as error:
                    problems.append(str(error))
        if problems:
            raise BringUpError("; ".join(problems))

    def _finalize(self, member: Member, timeout_s: float) -> None:
        problem = member.client.change("shutdown", timeout_s)
        self._look(member)
        if problem:
            raise BringUpError(problem)

    def _change(self, member: Member, transition: str, goal: str) -> None:
        self._check_ending()
        self._logger.info(f"{member.client.name}: {transition}")
        problem = member.client.change(transition, self._patience_s)
        # The answer may have been lost on the way; what counts is where the node is.
        if problem and self._look(member) != goal:
            raise BringUpError(problem)

    def _check_ending(self) -> None:
        if self.closing.is_set():
            raise BringUpError("the manager is ending")

    def _rank(self, member: Member) -> int:
        state = self._look(member, self._patience_s)
        if state in STAGES:
            return STAGES.index(state)
        advice = "start its process again" if state == "finalized" else "is it alive?"
        raise BringUpError(f"{member.client.name} is {state or 'not answering'}; {advice}")

    def _look(self, member: Member, timeout_s: float = ANSWER_S) -> str | None:
        member.state = member.client.state(timeout_s)
        return member.state
