"""Datasets that would lead outside of their folder are refused, with the file named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("av")

from robot_wm.data.bag import Bag
from robot_wm.data.clips import find_clips
from robot_wm.data.confined import inside, refuse_links
from robot_wm.data.foreign import open_foreign
from robot_wm.data.lerobot_reader import Dataset
from robot_wm.errors import DatasetError

NAMES = {"chunk_index": 1, "file_index": 23, "video_key": "observation.images.camera"}


def test_a_template_of_the_format_is_filled_in(tmp_path: Path) -> None:
    template = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:06d}.mp4"
    expected = tmp_path / "videos/observation.images.camera/chunk-001/file-000023.mp4"
    assert inside(tmp_path, template, NAMES) == expected


@pytest.mark.parametrize(
    "template",
    [
        "/etc/passwd",
        "../{file_index}.parquet",
        "data/../../{file_index}.parquet",
        "data\\..\\{file_index}",
        "c:{file_index}",
        "data/\0",
        "",
        "{file_index.__class__}",
        "{file_index!r}",
        "{file_index:>999999999}",
        "{file_index:{chunk_index}}",
        "{other}",
        "{}",
        "{0}",
        "{file_index",
        "x" * 5000,
        None,
        ["data"],
    ],
)
def test_a_template_that_leads_outside_or_does_more_is_refused(template: object, tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        inside(tmp_path, template, NAMES)


@pytest.mark.parametrize("key", ["../../secret", "/etc", "a\\b"])
def test_a_name_that_leads_outside_is_refused(key: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        inside(tmp_path, "{video_key}/file.mp4", {"video_key": key})


def test_links_and_pipes_are_refused_wherever_they_lie(tmp_path: Path) -> None:
    root = tmp_path / "set"
    (root / "a/b").mkdir(parents=True)
    refuse_links(root)
    link = root / "a/b/rows.parquet"
    link.symlink_to("/etc/passwd")
    with pytest.raises(DatasetError, match="rows.parquet: a symbolic link"):
        refuse_links(root)
    link.unlink()
    (root / "a/folder").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(DatasetError, match="folder: a symbolic link"):
        refuse_links(root)
    (root / "a/folder").unlink()
    os.mkfifo(root / "a/pipe")
    with pytest.raises(DatasetError, match="pipe: not a regular file"):
        refuse_links(root)


def test_a_folder_that_is_reached_through_a_link_is_fine(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/rows").write_text("")
    (tmp_path / "name").symlink_to(tmp_path / "set")
    refuse_links(tmp_path / "name")


def test_every_way_of_opening_looks_for_links(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/info.json").write_text(json.dumps({"codebase_version": "v3.0", "fps": 10, "features": {}}))
    (tmp_path / "0.mcap").symlink_to("/etc/passwd")
    for opens in (Dataset.open, open_foreign, find_clips, Bag.open):
        with pytest.raises(DatasetError, match="symbolic link"):
            opens(tmp_path)
