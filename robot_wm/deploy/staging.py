"""Exporting into a directory as a whole: what was there stays until the new content is complete."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from robot_wm.errors import BundleError


def check_replaceable(out: Path, index: str, what: str) -> None:
    """BundleError when `out` holds something else than `what`, of which the file `index` tells; it may be empty."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / index).is_file())):
        raise BundleError(f"{out}: exists and is not {what}; choose another --out or remove it yourself")


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """An empty directory beside `out`, which takes its place when the block ends without an error."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        staged = Path(scratch) / "staged"
        staged.mkdir()
        yield staged
        if out.exists():
            shutil.rmtree(out)
        staged.rename(out)
