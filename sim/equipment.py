"""What a world holds beside table, arm and block; a task names what it needs, and pays for nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Equipment:
    """Additions to the plain tabletop.

    Attributes:
        grip: Rubber pads on fingers that move together, as the real hand's do; without, the fingers are for pushing.
        second_block: A second block of another colour.
        drawer: A low cabinet with a drawer.
    """

    grip: bool = False
    second_block: bool = False
    drawer: bool = False


PLAIN = Equipment()
