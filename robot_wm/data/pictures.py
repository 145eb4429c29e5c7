"""Clips decoded once into one memory-mapped file; a clip that is bad is named, or left out as a whole and counted."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from robot_wm.data.clips import Clip, Form, find_clips
from robot_wm.data.files import check_space
from robot_wm.errors import DatasetError

_IMAGES, _MANIFEST = "images.bin", "manifest.json"
_ROOM = 1 << 26
"""Bytes that are left free on the disk."""


@dataclass(frozen=True)
class Pictures:
    """Pictures of all clips one after the other.

    Attributes:
        images: uint8 (M, size, size, 3), memory-mapped.
        starts: First picture of each clip, int64 (E,).
        lengths: Pictures of each clip, int64 (E,).
        skipped: What was wrong with each clip that was left out.
    """

    images: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    skipped: tuple[str, ...]


def load_pictures(source: Path, form: Form, folder: Path, *, skip_bad: bool = False) -> Pictures:
    """The pictures of `source`, as `find_clips` takes it, decoded into a subfolder of `folder` unless they are there.

    Args:
        skip_bad: Leaves bad clips out instead of raising.

    Raises:
        DatasetError: A clip is damaged, empty, of varying size or at another rate; or there is no good one.
    """
    clips = find_clips(source)
    target = folder / _fingerprint(clips, form, skip_bad)
    if not (target / _MANIFEST).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as scratch:
            staged = Path(scratch) / target.name
            staged.mkdir()
            _decode(clips, form, staged, skip_bad)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(staged, target)
    manifest = json.loads((target / _MANIFEST).read_text(encoding="utf-8"))
    lengths = np.array(manifest["lengths"], np.int64)
    if not len(lengths):
        raise DatasetError(f"{source}: none of its {len(clips)} clips is good: {'; '.join(manifest['skipped'][:3])}")
    shape = (int(lengths.sum()), form.size, form.size, 3)
    images = np.memmap(target / _IMAGES, np.uint8, "r", shape=shape)
    return Pictures(images, np.cumsum(lengths) - lengths, lengths, tuple(manifest["skipped"]))


def _decode(clips: Sequence[Clip], form: Form, folder: Path, skip_bad: bool) -> None:
    lengths, skipped = [], []
    with (folder / _IMAGES).open("wb") as file:
        for clip in clips:
            check_space(folder, _ROOM)
            begin, length = file.tell(), 0
            try:
                for image in clip.frames(form):
                    file.write(np.ascontiguousarray(image).data)
                    length += 1
                if not length:
                    raise DatasetError(f"{clip.name}: it holds no pictures")
            except DatasetError as error:
                if not skip_bad:
                    raise DatasetError(f"{error}. Repair or remove it, or give --skip-bad") from None
                skipped.append(str(error))
                file.seek(begin)
                file.truncate()
                continue
            except OSError as error:
                raise DatasetError(f"{folder}: cannot be written ({error.strerror}); free some space") from error
            lengths.append(length)
    (folder / _MANIFEST).write_text(json.dumps({"lengths": lengths, "skipped": skipped}), encoding="utf-8")


def _fingerprint(clips: Sequence[Clip], form: Form, skip_bad: bool) -> str:
    """Names, sizes and modification times of the files that the clips lie in, and the form, as one hash."""
    digest = hashlib.sha256(json.dumps([asdict(form), skip_bad]).encode())
    for clip in clips:
        digest.update(clip.name.encode())
    for path in sorted({clip.path for clip in clips}):
        status = path.stat() if path.is_file() else None
        digest.update(f"{path} {status and (status.st_size, status.st_mtime_ns)}\n".encode())
    return digest.hexdigest()[:32]
