"""PyBullet, imported without what its C library prints over a program's own output."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_stdout() -> Iterator[None]:
    """Sends the process's standard output to nowhere for a while, that of C libraries included."""
    sys.stdout.flush()
    saved, sink = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.close(sink)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)
        os.dup2(saved, 1)
        os.close(saved)


with quiet_stdout():
    import pybullet
    from pybullet_utils.bullet_client import BulletClient

__all__ = ["BulletClient", "pybullet", "quiet_stdout"]
