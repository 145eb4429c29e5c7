"""PyBullet, imported without what its C library prints over a program's own output."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_STREAMS = (1, 2)


@contextmanager
def quiet() -> Iterator[None]:
    """Sends standard output and error to nowhere for a while, those of C libraries included."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved, sink = [os.dup(stream) for stream in _STREAMS], os.open(os.devnull, os.O_WRONLY)
    for stream in _STREAMS:
        os.dup2(sink, stream)
    os.close(sink)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)
        for copy, stream in zip(saved, _STREAMS, strict=True):
            os.dup2(copy, stream)
            os.close(copy)


with quiet():
    import pybullet
    from pybullet_utils.bullet_client import BulletClient

__all__ = ["BulletClient", "pybullet", "quiet"]
