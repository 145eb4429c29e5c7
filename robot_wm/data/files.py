"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from robot_wm.errors import DatasetError

_SUFFIX = ".partial"


def write_atomic(path: Path, content: bytes) -> None:
    """Writes a file under another name and renames it, so that `path` holds the old content or all of the new.

    Raises:
        DatasetError: The disk is full or the folder cannot be written; what was there before is unchanged.
    """
    partial = path.with_name(path.name + _SUFFIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        _remove(partial)
        raise DatasetError(_explain(path, len(content), error)) from error


def remove_partial(root: Path) -> None:
    """Removes what a killed writer left half-written below `root`."""
    for path in root.rglob("*" + _SUFFIX):
        _remove(path)


def check_space(folder: Path, needed: int) -> None:
    """Raises DatasetError if the disk below `folder` has fewer than `needed` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DatasetError(f"{folder}: {needed} bytes are needed, but the disk has {free} left; free some space")


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be removed ({error.strerror})") from error


def _explain(path: Path, size: int, error: OSError) -> str:
    message = f"{path}: {size} bytes could not be written ({error.strerror or error})"
    if path.parent.is_dir():
        message += f"; the disk has {shutil.disk_usage(path.parent).free} bytes left"
    return message + ". Episodes committed before remain readable; free some space and run again to go on"
