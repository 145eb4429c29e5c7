"""Datasets come from strangers: nothing in one may lead outside its folder."""

from __future__ import annotations

import os
import string
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from robot_wm.errors import DatasetError

_MOST_CHARACTERS = 1024


def refuse_links(root: Path) -> None:
    """Raises DatasetError when a link, or what is neither file nor folder, lies anywhere below `root`.

    The folder itself may be reached through a link: whoever names it has chosen that.
    """
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder) / name
            if path.is_symlink():
                raise DatasetError(
                    f"{path}: a symbolic link; a dataset holds its files itself: copy it with `cp -rL`, if you trust "
                    "where its links lead"
                )
        for name in files:
            if not (Path(folder) / name).is_file():
                raise DatasetError(f"{Path(folder) / name}: not a regular file; remove it")


def inside(root: Path, template: object, names: Mapping[str, str | int]) -> Path:
    """The file below `root` that a template of a dataset names, such as `data/file-{file_index:03d}.parquet`.

    Raises:
        DatasetError: The template holds other fields than `names`, or leads outside: by an absolute path, by "..", by
            a backslash or by a drive.
    """
    text = _filled(root, template, names)
    path = PurePosixPath(text)
    if not text or len(text) > _MOST_CHARACTERS or any(character in text for character in "\\:\0\n"):
        raise DatasetError(
            f"{root}: the dataset names a file {text[:80]!r}; expected a plain path with forward slashes"
        )
    if path.is_absolute() or ".." in path.parts:
        raise DatasetError(f"{root}: the dataset names the file {text!r}, which lies outside of its folder")
    return root / path


def _filled(root: Path, template: object, names: Mapping[str, str | int]) -> str:
    """Fills in the template; formatting may neither reach into objects nor make long texts."""
    problem = DatasetError(
        f"{root}: the dataset's description has the path {template!r}; expected a text with fields of {sorted(names)} "
        "and nothing but digits and d as their format"
    )
    if not isinstance(template, str) or len(template) > _MOST_CHARACTERS:
        raise problem
    try:
        for _, field, form, conversion in string.Formatter().parse(template):
            if field is not None and (field not in names or conversion or not _is_plain(form or "")):
                raise problem
        return template.format(**names)
    except (ValueError, IndexError, KeyError, AttributeError) as error:
        raise problem from error


def _is_plain(form: str) -> bool:
    return len(form) <= 3 and all(character in "0123456789d" for character in form)
