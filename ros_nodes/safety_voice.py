"""What safety_node says: safety/state for machines, diagnostics and log for people."""

from __future__ import annotations

import time
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from robot_wm.safety.guard import RESTING, Guard
from ros_nodes.diagnostics import status
from ros_nodes.health import Health
from ros_nodes.managed_node import ManagedNode
from ros_nodes.qos import LATCHED

STATE = "safety/state"
_LEVELS = {"following": DiagnosticStatus.OK, "holding": DiagnosticStatus.WARN, "stopped": DiagnosticStatus.ERROR}


@dataclass(frozen=True)
class _Said:
    """State and kind of reason that were published last."""

    state: str = ""
    kind: str = ""


class SafetyVoice:
    """Speaks when the guard's state or the kind of its reason changes; in the log once a second at most.

    Args:
        node: The node that speaks.
        health: Its diagnostics.
        guard: Whose state it is.
        instance: A name that every run of the node has for itself.
    """

    def __init__(self, node: ManagedNode, health: Health, guard: Guard, instance: str) -> None:
        self._node, self._health, self._guard, self._instance = node, health, guard, instance
        self._states = node.advertise(DiagnosticArray, STATE, LATCHED)
        self._said, self._logged_s = _Said(), -float("inf")

    def say(self) -> None:
        """Says what is new."""
        said = _Said(self._guard.state, self._guard.reason.partition(":")[0])
        if said == self._said:
            return
        self._said, reason = said, self._guard.reason
        self.repeat()
        if said.state == "stopped":
            self._node.report(DiagnosticStatus.ERROR, f"stopped: {reason}; mend it, then call safety/reset")
        elif said.state == "following":
            self._health.set(DiagnosticStatus.OK, "following commands")
        elif reason in RESTING:
            self._health.set(DiagnosticStatus.OK, f"holding: {reason}")
        else:
            self._health.set(DiagnosticStatus.WARN, f"holding: {said.kind}")
            self._log(f"holding: {reason}")

    def repeat(self) -> None:
        """Publishes the state again."""
        self.tell(self._guard.state, self._guard.reason)

    def tell(self, state: str, reason: str) -> None:
        """Publishes a state."""
        values = {"reason": reason, "at_rest": str(self._guard.is_at_rest).lower(), "instance": self._instance}
        array = DiagnosticArray(status=[status("safety", self._node.hardware, _LEVELS[state], state, values)])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._states.publish(array)

    def _log(self, words: str) -> None:
        if time.monotonic() - self._logged_s > 1.0:
            self._logged_s = time.monotonic()
            self._node.get_logger().warning(words)
