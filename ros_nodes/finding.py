"""What a check found: the one line that doctor and the conformance checkers report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One line of a report; `bad` needs mending, `note` is worth knowing."""

    verdict: Literal["ok", "note", "bad"]
    subject: str
    text: str
